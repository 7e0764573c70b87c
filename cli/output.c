/* SPDX-License-Identifier: Apache-2.0 */
/* cli/output.c - the output format, tables for people, CSV.
 *
 * A table keeps its cells in one text and prints when all widths are known.  When it is wider than the
 * terminal the widest text columns are cut (an ellipsis shows it); numbers are never cut. */
#include <string.h>

#include "base/alloc.h"
#include "cli.h"

int cli_get_format(cli *c, cli_format machine, cli_format *out)
{
    static const char *const names[] = {"table", "json", "jsonl", "csv"};
    const char *seen = NULL;
    *out = c->tty_out ? CLI_TABLE : machine;
    for (size_t i = 0; i < CLI_COUNT(names); i++) {
        if (!cli_has(c, names[i])) continue;
        if (seen) return cli_usage_error(c, "--%s and --%s exclude each other: give one", seen, names[i]);
        seen = names[i];
        *out = (cli_format)i;
    }
    return CLI_OK;
}

struct cli_table {
    size_t n_columns, n_cells;
    hpo_str text;     /* all cells, each terminated */
    uint8_t *numeric; /* per column: every cell so far is a number */
};

cli_table *cli_table_new(size_t n_columns, const char *const *heads)
{
    cli_table *t = hpo_calloc(1, sizeof *t);
    if (!t) return NULL;
    t->numeric = hpo_alloc(n_columns);
    if (!t->numeric) {
        hpo_free(t);
        return NULL;
    }
    memset(t->numeric, 1, n_columns);
    t->n_columns = n_columns;
    for (size_t i = 0; i < n_columns; i++) {
        hpo_str_add(&t->text, heads[i]);
        hpo_str_addc(&t->text, '\0');
    }
    return t;
}

static int looks_numeric(const char *text)
{
    double v;
    return !*text || !strcmp(text, "-") || hpo_parse_double(text, &v);
}

void cli_table_cell(cli_table *t, const char *text)
{
    if (!t) return;
    if (!text) text = "";
    if (!looks_numeric(text)) t->numeric[t->n_cells % t->n_columns] = 0;
    for (; *text; text++) /* one line a row, whatever a label holds */
        hpo_str_addc(&t->text, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
    hpo_str_addc(&t->text, '\0');
    t->n_cells++;
}

void cli_table_number(cli_table *t, double v)
{
    char buf[32];
    cli_table_cell(t, cli_number_text(v, buf));
}

void cli_table_int(cli_table *t, int64_t v)
{
    hpo_str s = {0};
    hpo_str_int(&s, v);
    cli_table_cell(t, s.failed ? NULL : s.text);
    hpo_str_fini(&s);
}

/* Takes from the widest text column until the table fits, but leaves eight columns each. */
static void fit_widths(const cli_table *t, size_t *width, size_t limit)
{
    for (;;) {
        size_t sum = 2 * (t->n_columns - 1);
        size_t widest = SIZE_MAX;
        for (size_t i = 0; i < t->n_columns; i++) {
            sum += width[i];
            if (!t->numeric[i] && width[i] > 8 && (widest == SIZE_MAX || width[i] > width[widest]))
                widest = i;
        }
        if (sum <= limit || widest == SIZE_MAX) return;
        width[widest]--;
    }
}

static void pad(hpo_str *s, size_t n)
{
    while (n--)
        hpo_str_addc(s, ' ');
}

static void add_cell(hpo_str *s, const char *text, size_t width, int right)
{
    size_t w = cli_text_width(text);
    if (w > width) {
        size_t n = 0;
        size_t used = 0;
        char one[8];
        while (text[n]) { /* whole characters only */
            size_t k = 1;
            while (((unsigned char)text[n + k] & 0xc0) == 0x80 && k < sizeof one - 1)
                k++;
            memcpy(one, text + n, k);
            one[k] = '\0';
            if (used + cli_text_width(one) > width - 1) break;
            used += cli_text_width(one);
            n += k;
        }
        hpo_str_addn(s, text, n);
        hpo_str_addc(s, '~');
        pad(s, width - used - 1);
        return;
    }
    if (right) pad(s, width - w);
    hpo_str_add(s, text);
    if (!right) pad(s, width - w);
}

/* The row that starts at cell p; returns the next one. */
static const char *print_row(FILE *f, const cli_table *t, const size_t *width, const char *p, hpo_str *s,
                             int colour)
{
    hpo_str_clear(s);
    for (size_t i = 0; i < t->n_columns; i++, p += strlen(p) + 1) {
        if (i) hpo_str_add(s, "  ");
        add_cell(s, p, width[i], t->numeric[i] && t->n_cells > 0);
    }
    while (!s->failed && s->len && s->text[s->len - 1] == ' ')
        s->text[--s->len] = '\0';
    if (!s->failed)
        fprintf(f, "%s%s%s\n", cli_style_on(colour, 'b'), s->len ? s->text : "", cli_style_off(colour));
    return p;
}

int cli_table_print(cli *c, cli_table *t, FILE *f)
{
    size_t *width;
    const char *p;
    hpo_str row = {0};
    size_t i;
    int colour = f == stdout ? c->colour_out : c->colour_err;
    int rc = CLI_OK;
    if (!t) return cli_fail_memory();
    width = hpo_calloc(t->n_columns, sizeof *width);
    if (t->text.failed || !width) {
        rc = cli_fail_memory();
        goto done;
    }
    p = t->text.text;
    for (i = 0; i < t->n_columns + t->n_cells; i++, p += strlen(p) + 1) {
        size_t w = cli_text_width(p);
        if (w > width[i % t->n_columns]) width[i % t->n_columns] = w;
    }
    if (f == stdout && c->tty_out) fit_widths(t, width, (size_t)c->width);
    p = t->text.text;
    for (i = 0; i < t->n_columns + t->n_cells; i += t->n_columns)
        p = print_row(f, t, width, p, &row, colour && i == 0);
    if (row.failed) rc = cli_fail_memory();
done:
    hpo_free(width);
    hpo_str_fini(&row);
    cli_table_free(t);
    return rc;
}

void cli_table_free(cli_table *t)
{
    if (!t) return;
    hpo_str_fini(&t->text);
    hpo_free(t->numeric);
    hpo_free(t);
}

void cli_csv_field(hpo_str *s, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        hpo_str_add(s, text);
        return;
    }
    hpo_str_addc(s, '"');
    for (; *text; text++) {
        if (*text == '"') hpo_str_addc(s, '"');
        hpo_str_addc(s, *text);
    }
    hpo_str_addc(s, '"');
}
