/* SPDX-License-Identifier: Apache-2.0 */
/* Tune a function inside your own program: cc embed.c $(pkg-config --cflags --libs libhpo) && ./a.out */
#include <hpo.h>
#include <stdio.h>

int main(void)
{
    hpo_error err;
    hpo_space *space;
    hpo_study *study;
    hpo_trial *trial;
    hpo_summary best = {.size = sizeof best};
    hpo_study_options options = hpo_study_options_init();
    options.budget.trials = 100;
    if (hpo_space_parse("x: -5..5; y: -5..5", &space, &err) != HPO_OK ||
        hpo_study_create(NULL, space, &options, &study, &err) != HPO_OK)
        return fprintf(stderr, "%s\n", err.msg), 1;
    while (hpo_study_ask(study, &trial, &err) == HPO_OK) {
        double x = hpo_trial_float(trial, "x"), y = hpo_trial_float(trial, "y");
        double a = x * x + y - 11, b = x + y * y - 7; /* Himmelblau's function: four minima of 0 */
        if (hpo_study_tell_value(study, trial, a * a + b * b, &err) != HPO_OK) break;
        hpo_trial_free(trial);
    }
    if (hpo_study_summary(study, &best, &err) != HPO_OK) return fprintf(stderr, "%s\n", err.msg), 1;
    printf("best of %d: %.3f in trial %d\n", (int)best.n_trials, best.best_value, (int)best.best);
    hpo_study_free(study);
    hpo_space_free(space);
    return 0;
}
