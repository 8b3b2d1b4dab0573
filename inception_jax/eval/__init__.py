"""Evaluation: protocols, views, metrics, ensembles, published results."""
