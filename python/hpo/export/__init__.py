# SPDX-License-Identifier: Apache-2.0
"""Studies in the file formats of other tools: Study.export_tensorboard, Study.export_mlflow."""
