# Static: it is copied into guests that may have no library at all.
LDFLAGS_wss-load := -static
