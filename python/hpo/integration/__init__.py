# SPDX-License-Identifier: Apache-2.0
"""Bridges to other packages.  Each needs that package and is imported by its own name: hpo.integration.optuna."""
