"""The service's description in OpenAPI 3.1, made from what routes, views, serializers and parameters declare."""
