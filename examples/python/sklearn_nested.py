# SPDX-License-Identifier: Apache-2.0
"""How good is what a search finds?  Its best score is the luckiest of many; nested cross-validation asks new data."""

from sklearn.datasets import load_wine
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hpo.sklearn import SearchCV, nested_cross_validate

X, y = load_wine(return_X_y=True)
model = make_pipeline(StandardScaler(), KNeighborsClassifier())
space = {"kneighborsclassifier__n_neighbors": "int 1..30", "kneighborsclassifier__p": "1..4"}
result = nested_cross_validate(SearchCV(model, space, n_iter=12, cv=4, random_state=0), X, y, outer_cv=4)
print(result)
