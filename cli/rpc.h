/* SPDX-License-Identifier: Apache-2.0 */
/* cli/rpc.h - one JSON-RPC connection: the studies it has opened and the trials it holds. */
#ifndef CLI_RPC_H
#define CLI_RPC_H

#include "record.h"

struct json_object;

typedef struct rpc_study {
    hpo_study *study;
    char *name; /* owned */
} rpc_study;

typedef struct rpc_held { /* a trial that was asked for here and has not ended */
    hpo_trial *trial;
    size_t study;        /* index into studies */
    int64_t renew_at_ns; /* monotonic */
    int64_t renew_every_ns;
} rpc_held;

typedef struct rpc {
    cli *c; /* its storage; its err */
    rpc_study *studies;
    size_t n_studies, studies_cap, current; /* the one meant when a call names none */
    rpc_held *held;
    size_t n_held, held_cap;
    int renew; /* renew the leases of held trials while the connection lives */
    int over;  /* shutdown was called */
} rpc;

typedef struct rpc_method {
    const char *name;
    hpo_status (*call)(rpc *r, struct json_object *params,
                       hpo_str *out); /* writes the result; error in r->c->err */
    const char *keys[16];             /* members of params that it knows, beside "study" */
} rpc_method;

extern const rpc_method rpc_methods[]; /* ends with name NULL */

/* Renews what is due; returns the milliseconds until the next renewal, -1: none. */
int rpc_renew_due(rpc *r);
void rpc_close(rpc *r);
#endif
