"""Annotations: deploys and other events as marks on charts."""
