#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the version: the one in include/hpo/export.h.
sed -n 's/^#define HPO_VERSION "\(.*\)"$/\1/p' "$(dirname "$0")/../include/hpo/export.h"
