"""A new adapter: the package in ``template/``, which works as it is, under another name."""
