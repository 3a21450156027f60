"""The interhost adapter for intercraft: reviews of whether agents can do what people can, told and asked for."""
