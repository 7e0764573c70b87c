/* SPDX-License-Identifier: Apache-2.0 */
/* study/names.c - words of the enums of a study, from the lists in hpo.h. */
#include "hpo.h"

const char *hpo_state_name(hpo_state s)
{
#define WORD(name, word) word,
    static const char *const words[] = {HPO_STATE_LIST(WORD)};
#undef WORD
    return (int)s >= 0 && s < HPO_N_STATES ? words[s] : "?";
}

const char *hpo_stop_reason_name(hpo_stop_reason r)
{
#define WORD(name, word) word,
    static const char *const words[] = {HPO_STOP_LIST(WORD)};
#undef WORD
    return (int)r >= 0 && r < HPO_N_STOP_REASONS ? words[r] : "?";
}
