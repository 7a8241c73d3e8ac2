"""The examinations of `redshank doctor`: each reports findings and what to do about them."""
