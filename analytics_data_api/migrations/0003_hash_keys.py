"""Stores the keys of earlier versions as digests, and deletes them from the table that has them as text."""

import secrets
import string
import time
from hashlib import sha256
from typing import Any

from django.db import migrations, transaction

BATCH_SIZE = 500
ALPHABET = string.digits + string.ascii_letters


def hash_keys(apps: Any, schema_editor: Any) -> None:
    """Make a digest of each key, a batch at a time; run again, it goes on with the rows that are left."""
    alias = schema_editor.connection.alias
    tokens = apps.get_model("authtoken", "Token").objects.using(alias)
    keys = apps.get_model("analytics_data_api", "Key").objects.using(alias)
    # Each batch was deleted before the next one is read.
    while batch := list(tokens.order_by("pk")[:BATCH_SIZE]):
        digests = {token.pk: sha256(token.pk.encode()).hexdigest() for token in batch}
        with transaction.atomic(using=alias):
            known = set(keys.filter(digest__in=digests.values()).values_list("digest", flat=True))
            keys.bulk_create(
                keys.model(
                    digest=digests[token.pk],
                    key_id=f"set_{''.join(secrets.choice(ALPHABET) for _ in range(8))}",
                    user_id=token.user_id,
                    origin="set",
                    is_limited=False,
                    reports=False,
                    created=token.created.timestamp() if token.created else time.time(),
                )
                for token in batch
                if digests[token.pk] not in known
            )
            tokens.filter(pk__in=list(digests)).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("analytics_data_api", "0002_keys"),
        ("authtoken", "0003_tokenproxy"),
    ]

    # A digest cannot be turned back into a key.
    operations = [migrations.RunPython(hash_keys, migrations.RunPython.noop)]
