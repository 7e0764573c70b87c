/* SPDX-License-Identifier: Apache-2.0 */
/* cli/rpc.c - `hpo rpc`: JSON-RPC 2.0, one message a line, on standard input and output (docs/rpc.md).
 *
 * This file is the protocol: lines, batches, notifications, errors, and renewing leases while the other
 * side thinks.  The methods are in rpc_methods.c. */
#include "rpc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

enum {
    PARSE_ERROR = -32700,
    INVALID_REQUEST = -32600,
    NO_METHOD = -32601,
    INVALID_PARAMS = -32602,
    OUR_ERRORS = -32000
};

static const size_t MAX_LINE = (size_t)64 << 20;

/* ---- one message ---------------------------------------------------------------------------------- */

static void add_id(hpo_str *out, int has_id, struct json_object *id)
{
    hpo_str_add(out, ",\"id\":");
    if (!has_id || !id)
        hpo_str_add(out, "null");
    else
        hpo_str_add(
            out, json_object_to_json_string_ext(id, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    hpo_str_addc(out, '}');
}

static void add_error(hpo_str *out, int code, const char *message, const char *status, int has_id,
                      struct json_object *id)
{
    hpo_str_addf(out, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":", code);
    hpo_str_json(out, message);
    if (status) hpo_str_addf(out, ",\"data\":{\"status\":\"%s\"}", status);
    hpo_str_addc(out, '}');
    add_id(out, has_id, id);
}

static const rpc_method *find_method(const char *name)
{
    for (const rpc_method *m = rpc_methods; m->name; m++)
        if (!strcmp(m->name, name)) return m;
    return NULL;
}

static void unknown_method(const char *name, hpo_str *message)
{
    const char *best = NULL;
    unsigned limit = cli_near(name);
    for (const rpc_method *m = rpc_methods; m->name; m++) {
        unsigned d = hpo_edit_distance(name, m->name);
        if (d <= limit) {
            best = m->name;
            limit = d - 1;
        }
    }
    hpo_str_addf(message, "unknown method '%s'", name);
    if (best) hpo_str_addf(message, ": did you mean '%s'?", best);
}

static hpo_status check_keys(rpc *r, const rpc_method *m, struct json_object *params)
{
    const char *keys[18] = {"study"};
    size_t n = 1;
    for (size_t i = 0; m->keys[i] && n + 1 < CLI_COUNT(keys); i++)
        keys[n++] = m->keys[i];
    return params ? hpo_json_check_keys(params, m->name, keys, &r->c->err) : HPO_OK;
}

static void call_method(rpc *r, const rpc_method *m, struct json_object *params, int has_id,
                        struct json_object *id, hpo_str *out)
{
    hpo_str result = {0};
    hpo_status st;
    memset(&r->c->err, 0, sizeof r->c->err);
    if (params && !json_object_is_type(params, json_type_object))
        st = hpo_fail(&r->c->err, HPO_EINVAL, "params of '%s' is not an object: give parameters by name",
                      m->name);
    else
        st = check_keys(r, m, params);
    if (st == HPO_OK) st = m->call(r, params, &result);
    if (st == HPO_OK && result.failed) st = hpo_fail_memory(&r->c->err);
    if (has_id && st != HPO_OK) {
        const char *text = r->c->err.msg[0] ? r->c->err.msg : hpo_status_text(st);
        add_error(out, st == HPO_EINVAL ? INVALID_PARAMS : OUR_ERRORS + (int)st, text, hpo_status_name(st), 1,
                  id);
    } else if (has_id) {
        hpo_str_add(out, "{\"jsonrpc\":\"2.0\",\"result\":");
        hpo_str_add(out, result.len ? result.text : "{}");
        add_id(out, 1, id);
    }
    hpo_str_fini(&result);
}

/* One request; writes its answer, or nothing for a notification. */
static void handle_request(rpc *r, struct json_object *o, hpo_str *out)
{
    struct json_object *id = NULL;
    struct json_object *version = NULL;
    struct json_object *method = NULL;
    struct json_object *params = NULL;
    const rpc_method *m;
    int has_id;
    if (!json_object_is_type(o, json_type_object)) {
        add_error(out, INVALID_REQUEST, "a request is a JSON object", NULL, 0, NULL);
        return;
    }
    has_id = json_object_object_get_ex(o, "id", &id);
    if (id && (json_object_is_type(id, json_type_object) || json_object_is_type(id, json_type_array) ||
               json_object_is_type(id, json_type_boolean))) {
        add_error(out, INVALID_REQUEST, "id must be a string, a number or null", NULL, 0, NULL);
        return;
    }
    if (!json_object_object_get_ex(o, "jsonrpc", &version) ||
        !json_object_is_type(version, json_type_string) ||
        strcmp(json_object_get_string(version), "2.0") != 0) {
        add_error(out, INVALID_REQUEST, "the member \"jsonrpc\":\"2.0\" is missing", NULL, has_id, id);
        return;
    }
    if (!json_object_object_get_ex(o, "method", &method) || !json_object_is_type(method, json_type_string)) {
        add_error(out, INVALID_REQUEST, "the member \"method\" is missing or no string", NULL, has_id, id);
        return;
    }
    json_object_object_get_ex(o, "params", &params);
    m = find_method(json_object_get_string(method));
    if (m) {
        call_method(r, m, params, has_id, id, out);
    } else if (has_id) {
        hpo_str message = {0};
        unknown_method(json_object_get_string(method), &message);
        add_error(out, NO_METHOD, message.failed ? "unknown method" : message.text, NULL, 1, id);
        hpo_str_fini(&message);
    }
}

static void handle_batch(rpc *r, struct json_object *batch, hpo_str *out)
{
    size_t n = json_object_array_length(batch);
    size_t answers = 0;
    if (n == 0) {
        add_error(out, INVALID_REQUEST, "the batch is empty", NULL, 0, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t before = out->len;
        hpo_str_add(out, answers ? "," : "[");
        handle_request(r, json_object_array_get_idx(batch, i), out);
        if (out->failed) return;
        if (out->len == before + 1) { /* a notification */
            out->len = before;
            out->text[before] = '\0';
        } else {
            answers++;
        }
    }
    if (answers) hpo_str_addc(out, ']');
}

/* Answers one line.  0: standard output is gone. */
static int handle_line(rpc *r, const char *line, size_t n)
{
    hpo_str out = {0};
    struct json_object *doc = NULL;
    int written = 1;
    memset(&r->c->err, 0, sizeof r->c->err);
    if (line[strspn(line, " \t\r")] == '\0' && strlen(line) == n) return 1; /* an empty line says nothing */
    if (hpo_json_parse(line, n, "message", &doc, &r->c->err) != HPO_OK)
        add_error(&out, PARSE_ERROR, r->c->err.msg, NULL, 0, NULL);
    else if (json_object_is_type(doc, json_type_array))
        handle_batch(r, doc, &out);
    else
        handle_request(r, doc, &out);
    json_object_put(doc);
    if (out.failed) {
        hpo_str_fini(&out);
        add_error(&out, OUR_ERRORS + (int)HPO_ENOMEM, "out of memory", "ENOMEM", 0, NULL);
    }
    if (out.len) {
        hpo_str_addc(&out, '\n');
        written = !out.failed && fwrite(out.text, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    }
    hpo_str_fini(&out);
    return written;
}

/* ---- lines ------------------------------------------------------------------------------------------ */

/* Waits for input and renews leases meanwhile.  1: there is some. */
static int wait_for_input(rpc *r)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        int timeout = r->renew ? rpc_renew_due(r) : -1;
        int n = poll(&p, 1, timeout);
        if (n > 0) return 1;
        if (n < 0 && errno != EINTR) return 0;
    }
}

/* Handles the whole lines of `in`; keeps the rest.  0: stop. */
static int handle_lines(rpc *r, hpo_str *in, size_t searched)
{
    size_t from = 0;
    char *end;
    while (!r->over && (end = memchr(in->text + (searched > from ? searched : from), '\n',
                                     in->len - (searched > from ? searched : from))) != NULL) {
        size_t n = (size_t)(end - in->text) - from;
        *end = '\0';
        if (!handle_line(r, in->text + from, n)) return 0;
        from += n + 1;
        if (r->renew) (void)rpc_renew_due(r);
    }
    memmove(in->text, in->text + from, in->len - from + 1);
    in->len -= from;
    return !r->over;
}

static int serve(rpc *r)
{
    hpo_str in = {0};
    char buf[65536];
    int rc = CLI_OK;
    for (;;) {
        ssize_t n;
        size_t searched = in.len;
        if (!wait_for_input(r)) break;
        n = read(STDIN_FILENO, buf, sizeof buf);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            rc = cli_error("cannot read standard input: %s", strerror(errno));
            break;
        }
        if (n == 0) {
            if (in.len) (void)handle_line(r, in.text, in.len); /* a last line without its end */
            break;
        }
        hpo_str_addn(&in, buf, (size_t)n);
        if (in.failed) {
            rc = cli_fail_memory();
            break;
        }
        if (!handle_lines(r, &in, searched)) break;
        if (in.len > MAX_LINE) {
            rc = cli_error("a message on standard input is longer than 64 MiB");
            break;
        }
    }
    hpo_str_fini(&in);
    return rc;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static const cli_option rpc_options[] = {
    CLI_STORAGE_OPTIONS,
    {"no-renew", 0, NULL, "do not renew the leases of trials that were asked for here", 0, NULL},
};

static int run_rpc(cli *c)
{
    rpc r = {.c = c};
    int rc = cli_expect_args(c, 0, 0);
    if (rc != CLI_OK) return rc;
    r.renew = !cli_has(c, "no-renew");
    rc = serve(&r);
    rpc_close(&r);
    return rc;
}

const cli_command cli_rpc = {
    .name = "rpc",
    .group = "Tools",
    .help = "serve JSON-RPC 2.0 on standard input and output: the way for any language",
    .usage = "[--storage URL]",
    .about =
        "One message a line. The methods are create, open, ask, report, tell, renew, should_stop, enqueue, "
        "best, "
        "trials, summary, stop, pause, resume, retry, set_attr, samplers, version and shutdown; docs/rpc.md "
        "describes "
        "each. While the connection lives, the leases of trials that were asked for on it are renewed.\n\n"
        "  echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"version\"}' | hpo rpc",
    .options = rpc_options,
    .n_options = CLI_COUNT(rpc_options),
    .run = run_rpc,
};
