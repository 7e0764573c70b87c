/* SPDX-License-Identifier: Apache-2.0 */
/* runner/slots.c - see slots.h. */
#include "runner/slots.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static hpo_status read_devices(hpo_slots *s, const char *devices, hpo_error *err)
{
    for (const char *p = devices; *p;) {
        size_t n = strcspn(p, ",");
        const char *next = p + n + (p[n] == ',');
        while (n && (*p == ' ' || *p == '\t'))
            p++, n--;
        while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
            n--;
        if (!n) return hpo_fail(err, HPO_EINVAL, "gpus '%.200s': an empty device name", devices);
        for (size_t i = 0; i < s->names.n; i++)
            if (strlen(hpo_words_at(&s->names, i)) == n && !memcmp(hpo_words_at(&s->names, i), p, n))
                return hpo_fail(err, HPO_EINVAL, "gpus '%.200s': device '%.*s' is named twice", devices,
                                (int)n, p);
        HPO_TRY(hpo_words_add(&s->names, p, n, err));
        p = next;
    }
    return HPO_OK;
}

hpo_status hpo_slots_init(hpo_slots *s, const char *devices, double per_trial, hpo_error *err)
{
    *s = (hpo_slots){0};
    if (per_trial == 0) return HPO_OK;
    if (!(per_trial > 0) || (per_trial > 1 && per_trial != floor(per_trial)) || per_trial < 1e-3 ||
        per_trial > 1024)
        return hpo_fail(err, HPO_EINVAL, "gpus per trial %g: give a whole number, or a share such as 0.5",
                        per_trial);
    hpo_status rc = read_devices(s, devices ? devices : "", err);
    if (rc != HPO_OK) goto done;
    s->per_trial = per_trial >= 1 ? (int)per_trial : 1;
    s->per_device = per_trial >= 1 ? 1 : (int)floor(1 / per_trial + 1e-9);
    if ((size_t)s->per_trial > s->names.n) {
        rc = hpo_fail(err, HPO_EINVAL,
                      "a trial needs %d device(s), but %zu are known: name them with --gpus 0,1 or set "
                      "CUDA_VISIBLE_DEVICES",
                      s->per_trial, s->names.n);
        goto done;
    }
    s->used = hpo_calloc(s->names.n, sizeof *s->used);
    if (!s->used) rc = hpo_fail_memory(err);
done:
    if (rc != HPO_OK) hpo_slots_fini(s);
    return rc;
}

int hpo_slots_capacity(const hpo_slots *s)
{
    if (!s->per_trial) return -1;
    return (int)s->names.n * s->per_device / s->per_trial;
}

int hpo_slots_take(hpo_slots *s, int *list)
{
    int n = 0;
    /* Fullest first: used goes down from per_device - 1 to 0. */
    for (int used = s->per_device - 1; used >= 0 && n < s->per_trial; used--)
        for (size_t i = 0; i < s->names.n && n < s->per_trial; i++)
            if (s->used[i] == used) list[n++] = (int)i;
    if (n < s->per_trial) return 0;
    for (int i = 0; i < n; i++)
        s->used[list[i]]++;
    return 1;
}

void hpo_slots_give(hpo_slots *s, const int *list)
{
    for (int i = 0; i < s->per_trial; i++)
        s->used[list[i]]--;
}

void hpo_slots_fini(hpo_slots *s)
{
    hpo_words_fini(&s->names);
    hpo_free(s->used);
    *s = (hpo_slots){0};
}
