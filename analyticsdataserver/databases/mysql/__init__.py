"""Django's MySQL backend, which reads long results row by row instead of holding them."""
