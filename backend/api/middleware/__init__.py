"""Pure ASGI layers around the routes. Their order is in ``server.create_app``."""
