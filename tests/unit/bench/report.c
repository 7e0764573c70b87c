/* SPDX-License-Identifier: Apache-2.0 */
/* Charts and reports: what stands in them, that nothing overlaps, that texts are escaped. */
#include "bench/report.h"

#include "bench/chart.h"
#include "t.h"

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part))
        n++;
    return n;
}

/* ---- charts ---- */

static void test_chart_pieces(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5, 6};
    const double y[] = {NAN, 0.5, 0.2, INFINITY, 0.1, 0.05};
    const double low[] = {NAN, 0.4, 0.1, INFINITY, 0.1, 0.01};
    const double high[] = {NAN, 0.6, 0.3, INFINITY, 0.2, 0.1};
    hpo_chart_series s[] = {{"a<b>&\"c\"", 0, 6, x, y, low, high}, {"second", 9, 6, x, high, NULL, NULL}};
    hpo_chart c = hpo_chart_init();
    hpo_str out = {0};
    c.series = s;
    c.n = 2;
    c.title = "t & u";
    c.log_x = c.log_y = c.steps = 1;
    hpo_chart_svg(&out, &c, 1);
    assert_false(out.failed);
    assert_int_equal(count(out.text, "fill-opacity=\".14\""), 2); /* two pieces of one band */
    assert_int_equal(count(out.text, "stroke-width=\"2\""), 4);   /* two pieces of two curves */
    assert_int_equal(count(out.text, "stroke-dasharray=\"7 3\""), 2);
    assert_contains(out.text, "a&lt;b&gt;&amp;&quot;c&quot;</text>");
    assert_contains(out.text, "<title>t &amp; u</title>");
    assert_null(strstr(out.text, "nan"));
    assert_null(strstr(out.text, "inf"));
    hpo_str_fini(&out);
    /* nothing at all is drawn without numbers that are none */
    c.n = 0;
    hpo_chart_svg(&out, &c, 0);
    assert_null(strstr(out.text, "nan"));
    assert_null(strstr(out.text, "inf"));
    assert_null(strstr(out.text, "<style>"));
    hpo_str_fini(&out);
}

/* Numbers of a log axis over many decades: raised exponents, without crowding. */
static void test_chart_ticks(void **state)
{
    (void)state;
    const double x[] = {1, 1000};
    const double y[] = {1e-9, 1};
    hpo_chart_series s[] = {{"m", 0, 2, x, y, NULL, NULL}};
    hpo_chart c = hpo_chart_init();
    hpo_str out = {0};
    c.series = s;
    c.n = 1;
    c.log_x = c.log_y = 1;
    c.floor = 1e-8; /* 1e-9 is drawn at 1e-8 */
    hpo_chart_svg(&out, &c, 0);
    assert_contains(out.text, ">10\xe2\x81\xbb\xe2\x81\xb8</text>");
    assert_null(strstr(out.text, "10\xe2\x81\xbb\xe2\x81\xb9"));
    assert_contains(out.text, ">1000</text>");
    assert_contains(out.text, ">0.01</text>");
    assert_true(count(out.text, "class=\"gr\"") <= 12);
    hpo_str_fini(&out);
}

/* Twelve curves that end at the same point: their names stand below each other and inside the picture. */
static void test_chart_labels(void **state)
{
    (void)state;
    enum { N = 12 };
    const double x[] = {0, 1};
    const double y[] = {0, 0.01};
    hpo_chart_series s[N];
    char names[N][8];
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "name%zu", i);
        s[i] = (hpo_chart_series){names[i], i, 2, x, y, NULL, NULL};
    }
    hpo_chart c = hpo_chart_init();
    hpo_str out = {0};
    c.series = s;
    c.n = N;
    c.y_low = 0;
    c.y_high = 1;
    hpo_chart_svg(&out, &c, 0);
    double at[N];
    for (size_t i = 0; i < N; i++) {
        char part[16];
        snprintf(part, sizeof part, ">%s</text>", names[i]);
        const char *p = strstr(out.text, part);
        assert_non_null(p);
        while (strncmp(p, " y=\"", 4) != 0)
            p--;
        at[i] = strtod(p + 4, NULL);
        assert_true(at[i] > 0 && at[i] < c.height - 40);
        for (size_t j = 0; j < i; j++)
            assert_true(fabs(at[i] - at[j]) >= 14.9);
    }
    hpo_str_fini(&out);
}

static void test_rank_chart(void **state)
{
    (void)state;
    const char *names[] = {"best", "middle", "a name that is far too long for the margin", "last"};
    const double ranks[] = {1.2, 2.1, 3.0, 3.7};
    const size_t styles[] = {0, 1, 2, 3};
    const size_t first[] = {0, 2};
    const size_t last[] = {1, 3};
    hpo_rank_chart c = {"t", NULL, names, ranks, styles, 4, 1.25, first, last, 2, 760};
    hpo_str out = {0};
    hpo_rank_chart_svg(&out, &c, 1);
    assert_int_equal(count(out.text, "<circle"), 4);
    assert_int_equal(count(out.text, "class=\"gs\""), 2);
    assert_contains(out.text, "critical difference 1.25<");
    assert_contains(out.text, "best  1.20");
    assert_contains(out.text, "3.00  a name that is far too \xe2\x80\xa6");
    /* 1..4 lie on 200..560: rank 1.2 at 224, and the first bar from 3 before it to 3 behind 2.1 (332) */
    assert_contains(out.text, "cx=\"224.0\"");
    assert_contains(out.text, "M221.0 116.0H335.0");
    hpo_str_fini(&out);
}

/* ---- reports ---- */

enum { SEEDS = 3 };
static const double values[2][SEEDS][2] = {{{2, 0.5}, {1, 0.25}, {3, 0.125}}, {{1, 1}, {1, 0.5}, {2, 2}}};

static hpo_status rows_of(void *ctx, size_t i, hpo_run_rows **out, hpo_error *err)
{
    (void)ctx;
    hpo_status rc = hpo_run_rows_create(2, 1, 0, 1, out, err);
    if (rc != HPO_OK) return rc;
    for (size_t j = 0; j < 2; j++) {
        (*out)->recommended[j] = 0;
        (*out)->recommended_y[j] = values[i / SEEDS][i % SEEDS][j];
        (*out)->spent[j] = (double)j + 1;
        (*out)->time[j] = 3 * ((double)j + 1);
        (*out)->decision[j] = 1e-5;
    }
    return HPO_OK;
}

/* Optimum 0, typical 1; "a" ends at .5 .25 .125, "b,c" at 1 .5 2. */
static hpo_status small_comparison(hpo_comparison **out, hpo_error *err)
{
    static const hpo_problem_info problem = {.name = "bowl",
                                             .n_columns = 1,
                                             .n_dims = 1,
                                             .n_objectives = 1,
                                             .full_resource = 1,
                                             .best_is_exact = 1,
                                             .typical = 1,
                                             .best_hypervolume = 0,
                                             .budget = 2};
    hpo_run_info runs[2 * SEEDS];
    for (size_t i = 0; i < 2 * SEEDS; i++)
        runs[i] = (hpo_run_info){.key = {"bowl", i < SEEDS ? "a" : "b,c", i % SEEDS, 2, 1, 0},
                                 .suite = "",
                                 .n = 2,
                                 .virtual_seconds = 6,
                                 .wall_seconds = 1};
    hpo_comparison_source s = {&problem, 1, runs, 2 * SEEDS, rows_of, NULL};
    hpo_comparison_options o = hpo_comparison_options_init();
    o.rounds = 50;
    return hpo_comparison_create(&s, &o, out, err); /* nothing failed: no run is looked at later */
}

static void test_csv(void **state)
{
    (void)state;
    hpo_error err;
    hpo_comparison *c = NULL;
    char *text = NULL;
    assert_ok(small_comparison(&c, &err), err);
    assert_ok(hpo_report_csv(c, &text, &err), err);
    /* a: value and median .25, quartiles .1875 .375; "b,c": losses 3, p = 2/8, one test */
    assert_contains(text, "\nbowl,2,1,0,a,3,0,0,0.25,0.1875,0.25,");
    assert_contains(text, ",1,0,0,,,0,1\n");
    assert_contains(text, "\nbowl,2,1,0,\"b,c\",3,0,0,1,0.75,1,");
    assert_contains(text, ",2,0,3,0.25,0.25,0,1\n");
    hpo_free(text);
    assert_ok(hpo_report_curves_csv(c, &text, &err), err);
    assert_contains(text, "\nbowl,a,budget,1,2,");
    assert_contains(text, "\nbowl,a,budget,2,0.25,");
    assert_contains(text, "\nbowl,a,time,3,2,");
    hpo_free(text);
    hpo_comparison_free(c);
}

static void test_page(void **state)
{
    (void)state;
    hpo_error err;
    hpo_comparison *c = NULL;
    char *text = NULL;
    char *again = NULL;
    hpo_report_facts facts = {.title = "<i>", .command = "a && b"};
    assert_ok(small_comparison(&c, &err), err);
    assert_ok(hpo_report_html(c, &facts, &text, &err), err);
    assert_ok(hpo_report_html(c, &facts, &again, &err), err);
    assert_string_equal(text, again);
    assert_contains(text, "<h1>&lt;i&gt;</h1>");
    assert_contains(text, "<dd>a &amp;&amp; b</dd>");
    assert_null(strstr(text, "<dt>commit</dt>"));
    assert_contains(text, "No run ended in an error.");
    /* critical differences, ranks, runtime distribution, budget, time; one ratio makes no profile */
    assert_int_equal(count(text, "<svg "), 5);
    assert_int_equal(count(text, "<figure>"), count(text, "</figure>"));
    assert_int_equal(count(text, "<tr>"), count(text, "</tr>"));
    assert_int_equal(count(text, "<table>"), count(text, "</table>"));
    hpo_free(text);
    hpo_free(again);
    hpo_comparison_free(c);
}

static hpo_status report_all(void *ctx, hpo_error *err)
{
    const hpo_comparison *c = ctx;
    hpo_report_facts facts = {.title = "t"};
    char *text = NULL;
    char name[64];
    hpo_status rc = hpo_report_html(c, &facts, &text, err);
    hpo_free(text);
    text = NULL;
    if (rc == HPO_OK) rc = hpo_report_json(c, &facts, &text, err);
    hpo_free(text);
    text = NULL;
    for (size_t i = 0; i < hpo_report_n_pictures(c) && rc == HPO_OK; i++) {
        rc = hpo_report_picture_file(c, i, name, sizeof name, &text, err);
        hpo_free(text);
        text = NULL;
    }
    return rc;
}

static void test_memory(void **state)
{
    (void)state;
    hpo_error err;
    hpo_comparison *c = NULL;
    assert_ok(small_comparison(&c, &err), err);
    t_oom(report_all, c);
    hpo_comparison_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chart_pieces), cmocka_unit_test(test_chart_ticks),
        cmocka_unit_test(test_chart_labels), cmocka_unit_test(test_rank_chart),
        cmocka_unit_test(test_csv),          cmocka_unit_test(test_page),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
