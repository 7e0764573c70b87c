/* SPDX-License-Identifier: Apache-2.0 */
/* cli/optuna_text.c - names, labels, distributions and times, as Optuna and our Python package write them. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "optuna.h"

const char *optuna_state_name(optuna_state s)
{
    static const char *const names[] = {"RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"};
    return (unsigned)s < OPTUNA_N_STATES ? names[s] : "?";
}

int optuna_is_over(optuna_state s)
{
    return s == OPTUNA_COMPLETE || s == OPTUNA_PRUNED || s == OPTUNA_FAIL;
}

/* ---- labels ------------------------------------------------------------------------------------------ */

void optuna_number(hpo_str *s, double v)
{
    char buf[32];
    if (isnan(v))
        hpo_str_add(s, "NaN");
    else if (isinf(v))
        hpo_str_add(s, v > 0 ? "Infinity" : "-Infinity");
    else if (hpo_double_text(v, buf) == strcspn(buf, ".e")) /* a float stays one */
        hpo_str_addf(s, "%s.0", buf);
    else
        hpo_str_add(s, buf);
}

/* A text in quotes, as Python shows it. */
static void quoted(hpo_str *s, const char *text)
{
    char mark = strchr(text, '\'') != NULL && strchr(text, '"') == NULL ? '"' : '\'';
    hpo_str_addc(s, mark);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == mark || *p == '\\')
            hpo_str_addf(s, "\\%c", *p);
        else if (*p == '\n' || *p == '\t' || *p == '\r')
            hpo_str_add(s, *p == '\n' ? "\\n" : *p == '\t' ? "\\t" : "\\r");
        else if ((unsigned char)*p < 0x20 || *p == 0x7f)
            hpo_str_addf(s, "\\x%02x", (unsigned char)*p);
        else
            hpo_str_addc(s, *p);
    }
    hpo_str_addc(s, mark);
}

static int is_word(const char *text)
{
    static const char *const words[] = {"None", "True", "False", "nan", "inf", "-inf"};
    for (size_t i = 0; i < CLI_COUNT(words); i++)
        if (strcmp(text, words[i]) == 0) return 1;
    return 0;
}

/* Would Python take the text for something other than a text? */
static int reads_as_other(const char *text)
{
    double v;
    size_t n = strlen(text);
    const char *digits = text + (*text == '-' || *text == '+');
    if (n == 0) return 1;
    if (is_word(text)) return 1;
    if ((isdigit((unsigned char)*digits) || *digits == '.') && hpo_parse_double(text, &v)) return 1;
    const char *open = strchr("'\"([{", *text);
    return open != NULL && n > 1 && text[n - 1] == "'\")]}"[open - "'\"([{"];
}

void optuna_label(hpo_str *s, struct json_object *choice)
{
    hpo_str text = {0};
    switch (json_object_get_type(choice)) {
    case json_type_null:
        hpo_str_add(&text, "None");
        break;
    case json_type_boolean:
        hpo_str_add(&text, json_object_get_boolean(choice) ? "True" : "False");
        break;
    case json_type_double: {
        double v = json_object_get_double(choice);
        if (isfinite(v))
            optuna_number(&text, v);
        else
            hpo_str_add(&text, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
        break;
    }
    case json_type_string:
        if (reads_as_other(json_object_get_string(choice)))
            quoted(&text, json_object_get_string(choice));
        else
            hpo_str_add(&text, json_object_get_string(choice));
        break;
    default:
        hpo_str_add(&text, json_object_to_json_string_ext(choice, JSON_C_TO_STRING_PLAIN));
        break;
    }
    s->failed |= text.failed;
    if (text.text != NULL) hpo_str_addn(s, text.text, text.len > 200 ? 200 : text.len);
    hpo_str_fini(&text);
}

/* The text between quotes; only the escapes that quoted() writes. */
static void unquoted(hpo_str *s, const char *label, size_t n)
{
    hpo_str text = {0};
    for (size_t i = 1; i + 1 < n; i++) {
        char c = label[i];
        if (c == '\\' && i + 2 < n) {
            c = label[++i];
            if (c == 'x' && i + 3 < n) {
                char hex[3] = {label[i + 1], label[i + 2], '\0'};
                c = (char)strtol(hex, NULL, 16);
                i += 2;
            } else {
                c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
            }
        }
        hpo_str_addc(&text, c);
    }
    s->failed |= text.failed;
    hpo_str_json(s, text.text != NULL ? text.text : "");
    hpo_str_fini(&text);
}

void optuna_choice(hpo_str *s, const char *label)
{
    static const char *const words[][2] = {{"None", "null"}, {"True", "true"},    {"False", "false"},
                                           {"nan", "NaN"},   {"inf", "Infinity"}, {"-inf", "-Infinity"}};
    double v;
    int64_t whole;
    size_t n = strlen(label);
    for (size_t i = 0; i < CLI_COUNT(words); i++)
        if (strcmp(label, words[i][0]) == 0) {
            hpo_str_add(s, words[i][1]);
            return;
        }
    const char *digits = label + (*label == '-' || *label == '+');
    int number = isdigit((unsigned char)*digits) || *digits == '.';
    if (number && hpo_parse_int(label, &whole))
        hpo_str_int(s, whole);
    else if (number && hpo_parse_double(label, &v))
        optuna_number(s, v);
    else if (n > 1 && (*label == '\'' || *label == '"') && label[n - 1] == *label)
        unquoted(s, label, n);
    else
        hpo_str_json(s, label);
}

/* ---- names -----------------------------------------------------------------------------------------------
 */

#define DOT "\302\267" /* the middle dot, U+00B7 */

static int is_reserved(const char *name)
{
    static const char *const words[] = {"and", "or", "not", "in", "if", "else", "true", "false"};
    for (size_t i = 0; i < CLI_COUNT(words); i++)
        if (strcmp(name, words[i]) == 0) return 1;
    return 0;
}

/* A character that stays as it is; n: its bytes. */
static int is_plain(const char *p, size_t n)
{
    if (n == 1) return isalnum((unsigned char)*p) || strchr("_./-", *p) != NULL;
    /* U+0080..U+00B7, but for the letters U+00AA and U+00B5, are no part of names */
    return n != 2 || (unsigned char)p[0] != 0xc2 || (unsigned char)p[1] > 0xb7 ||
           (unsigned char)p[1] == 0xaa || (unsigned char)p[1] == 0xb5;
}

static uint32_t code_of(const char *p, size_t n)
{
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)*p & first[n];
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)p[i] & 0x3f);
    return code;
}

void optuna_name_in(hpo_str *s, const char *name)
{
    int odd = is_reserved(name) || strchr("0123456789./-", *name) != NULL;
    for (const char *p = name; *p != '\0';) {
        size_t n = hpo_utf8_length(p, strlen(p));
        if (n == 0) n = 1;
        if (!(odd && p == name) && is_plain(p, n))
            hpo_str_addn(s, p, n);
        else
            hpo_str_addf(s, DOT "%x" DOT, (unsigned)code_of(p, n));
        p += n;
    }
}

void optuna_name_out(hpo_str *s, const char *name)
{
    for (const char *p = name; *p != '\0';) {
        char *end = NULL;
        unsigned long code = strncmp(p, DOT, 2) == 0 ? strtoul(p + 2, &end, 16) : 0;
        if (end != NULL && end > p + 2 && strncmp(end, DOT, 2) == 0 && code > 0 && code < 0x110000) {
            if (code < 0x80)
                hpo_str_addc(s, (char)code);
            else if (code < 0x800)
                hpo_str_addf(s, "%c%c", (int)(0xc0 | code >> 6), (int)(0x80 | (code & 0x3f)));
            else
                hpo_str_addf(s, "%c%c%c", (int)(0xe0 | code >> 12), (int)(0x80 | (code >> 6 & 0x3f)),
                             (int)(0x80 | (code & 0x3f)));
            p = end + 2;
        } else {
            hpo_str_addc(s, *p++);
        }
    }
}

/* ---- attributes ------------------------------------------------------------------------------------------
 */

void optuna_pack(hpo_str *s, const char *json)
{
    struct json_object *o = NULL;
    int good = strstr(json, "NaN") == NULL && strstr(json, "Infinity") == NULL &&
               hpo_json_parse(json, strlen(json), "attribute", &o, NULL) == HPO_OK && o != NULL;
    json_object_put(o);
    if (good) {
        hpo_str_add(s, json);
        return;
    }
    hpo_str_add(s, "{\"hpo:json\":");
    hpo_str_json(s, json);
    hpo_str_addc(s, '}');
}

void optuna_unpack(hpo_str *s, struct json_object *value)
{
    struct json_object *text = NULL;
    if (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 1 &&
        json_object_object_get_ex(value, "hpo:json", &text))
        hpo_str_add(s, json_object_get_string(text));
    else
        hpo_str_add(s, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

/* ---- times
 * ------------------------------------------------------------------------------------------------- */

int64_t optuna_time_ms(const char *text)
{
    struct tm t = {.tm_isdst = -1};
    double seconds = 0;
    int whole[5];
    if (text == NULL || strlen(text) < 19) return 0;
    for (int i = 0, at = 0; i < 5; i++) {
        whole[i] = (int)strtol(text + at, NULL, 10);
        at += i == 0 ? 5 : 3;
    }
    if (hpo_double_parse(text + 17, &seconds) == text + 17) return 0;
    t.tm_year = whole[0] - 1900;
    t.tm_mon = whole[1] - 1;
    t.tm_mday = whole[2];
    t.tm_hour = whole[3];
    t.tm_min = whole[4];
    time_t at = mktime(&t);
    return at == (time_t)-1 ? 0 : (int64_t)at * 1000 + (int64_t)floor(seconds * 1000);
}

const char *optuna_time_text(int64_t ms, char buf[40])
{
    time_t at = (time_t)(ms / 1000);
    struct tm t;
    size_t n = localtime_r(&at, &t) != NULL ? strftime(buf, 30, "%Y-%m-%d %H:%M:%S", &t) : 0;
    (void)snprintf(buf + n, 40 - n, ".%03d000", (int)(ms % 1000));
    return buf;
}

/* ---- distributions
 * ------------------------------------------------------------------------------------------- */

void optuna_distribution_fini(optuna_distribution *d)
{
    for (size_t i = 0; i < d->n_labels; i++)
        hpo_free(d->labels[i]);
    hpo_free(d->labels);
    *d = (optuna_distribution){0};
}

static hpo_status read_choices(struct json_object *attributes, optuna_distribution *out, hpo_error *err)
{
    struct json_object *choices = NULL;
    HPO_TRY(hpo_json_get_array(attributes, "distribution", "choices", &choices, err));
    size_t n = choices != NULL ? json_object_array_length(choices) : 0;
    if (n == 0) return hpo_fail(err, HPO_EINVAL, "a categorical distribution has no choices");
    out->labels = hpo_calloc(n, sizeof *out->labels);
    if (out->labels == NULL) return hpo_fail_memory(err);
    for (; out->n_labels < n; out->n_labels++) {
        hpo_str s = {0};
        optuna_label(&s, json_object_array_get_idx(choices, out->n_labels));
        for (size_t i = 0; i < out->n_labels; i++)
            if (s.text != NULL && strcmp(s.text, out->labels[i]) == 0) { /* two choices with one text */
                hpo_str_addf(&s, " #%zu", out->n_labels + 1);
                i = (size_t)-1;
            }
        HPO_TRY(hpo_str_steal(&s, &out->labels[out->n_labels], err));
    }
    return HPO_OK;
}

static hpo_status read_distribution(struct json_object *doc, optuna_distribution *out, hpo_error *err)
{
    const char *name = "";
    struct json_object *attributes = NULL;
    double q = 0;
    int log = 0;
    HPO_TRY(hpo_json_get_string(doc, "distribution", "name", &name, err));
    HPO_TRY(hpo_json_get_object(doc, "distribution", "attributes", &attributes, err));
    if (attributes == NULL) return hpo_fail(err, HPO_EINVAL, "a distribution has no attributes");
    if (strcmp(name, "CategoricalDistribution") == 0) {
        out->kind = OPTUNA_CATEGORICAL;
        return read_choices(attributes, out, err);
    }
    int is_int = strncmp(name, "Int", 3) == 0;
    if (!is_int && strstr(name, "UniformDistribution") == NULL && strcmp(name, "FloatDistribution") != 0)
        return hpo_fail(err, HPO_EUNSUPPORTED,
                        "distribution '%s' is unknown: Optuna 3 to 5 have Float-, Int- and "
                        "CategoricalDistribution",
                        name);
    out->kind = is_int ? OPTUNA_INT : OPTUNA_FLOAT;
    HPO_TRY(hpo_json_get_double(attributes, "distribution", "low", &out->low, err));
    HPO_TRY(hpo_json_get_double(attributes, "distribution", "high", &out->high, err));
    HPO_TRY(hpo_json_get_double(attributes, "distribution", "step", &out->step, err));
    HPO_TRY(hpo_json_get_double(attributes, "distribution", "q", &q, err));
    HPO_TRY(hpo_json_get_bool(attributes, "distribution", "log", &log, err));
    if (q > 0) out->step = q;
    out->log = log || strstr(name, "Log") != NULL;
    if (out->log && is_int) out->step = 1;
    if (is_int && !(out->step > 0)) out->step = 1;
    if (!(out->low <= out->high))
        return hpo_fail(err, HPO_EINVAL, "a distribution reaches from %g to %g", out->low, out->high);
    return HPO_OK;
}

hpo_status optuna_distribution_parse(const char *json, optuna_distribution *out, hpo_error *err)
{
    struct json_object *doc = NULL;
    *out = (optuna_distribution){0};
    HPO_TRY(hpo_json_parse(json, strlen(json), "distribution", &doc, err));
    hpo_status status = read_distribution(doc, out, err);
    json_object_put(doc);
    if (status != HPO_OK) optuna_distribution_fini(out);
    return status;
}

static void categorical(hpo_str *s, const char *const *labels, size_t n)
{
    hpo_str_add(s, "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [");
    for (size_t i = 0; i < n; i++) {
        if (i > 0) hpo_str_add(s, ", ");
        optuna_choice(s, labels[i]);
    }
    hpo_str_add(s, "]}}");
}

static void numeric(hpo_str *s, int is_float, double low, double high, double step, int log)
{
    hpo_str_addf(s, "{\"name\": \"%sDistribution\", \"attributes\": {\"low\": ", is_float ? "Float" : "Int");
    is_float ? optuna_number(s, low) : hpo_str_int(s, (int64_t)low);
    hpo_str_add(s, ", \"high\": ");
    is_float ? optuna_number(s, high) : hpo_str_int(s, (int64_t)high);
    hpo_str_addf(s, ", \"log\": %s, \"step\": ", log ? "true" : "false");
    if (!is_float)
        hpo_str_int(s, step > 1 && !log ? (int64_t)step : 1);
    else if (step > 0 && !log)
        optuna_number(s, step);
    else
        hpo_str_add(s, "null");
    hpo_str_add(s, "}}");
}

void optuna_distribution_of(hpo_str *s, const hpo_param_info *p, const char *label, double v,
                            double *internal)
{
    static const char *const truth[] = {"False", "True"};
    int64_t whole;
    *internal = v;
    switch (p->kind) {
    case HPO_KIND_CATEGORICAL:
    case HPO_KIND_ORDINAL:
        categorical(s, p->labels, p->n_labels);
        break;
    case HPO_KIND_BOOL:
    case HPO_KIND_SUBSET:
        categorical(s, truth, 2);
        break;
    case HPO_KIND_CONST:
        *internal = 0;
        if (hpo_parse_int(label, &whole) && isdigit((unsigned char)label[strlen(label) - 1])) {
            *internal = (double)whole;
            numeric(s, 0, *internal, *internal, 1, 0);
        } else if ((isdigit((unsigned char)*label) || *label == '-') && hpo_parse_double(label, internal)) {
            numeric(s, 1, *internal, *internal, 0, 0);
        } else {
            categorical(s, &label, 1);
        }
        break;
    case HPO_KIND_SIMPLEX:
        numeric(s, 1, 0, 1, 0, 0);
        break;
    case HPO_KIND_PERMUTATION:
        numeric(s, 0, 0, (double)p->n_columns - 1, 1, 0);
        break;
    default: {
        int is_float = p->kind != HPO_KIND_INT;
        /* Bounds that depend on other parameters: those of this trial are its value. */
        double low = isnan(p->low) ? v : p->low, high = isnan(p->high) ? v : p->high;
        numeric(s, is_float, fmin(low, v), fmax(high, v), p->step, p->scale == HPO_SCALE_LOG);
        break;
    }
    }
}
