"""The interhost adapter for interform: reviews of interfaces, asked for and told, and a look at three habits."""
