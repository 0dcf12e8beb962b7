"""What is stored of keys and of their scopes: SHA-256, in hexadecimal.

A key that the service makes has 190 random bits, so that no slow hash is needed; a slow one would cost each request.
"""

from functools import lru_cache
from hashlib import sha256

from analytics_data_api.tables.course_ids import is_course_id, org_of


def key_digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def entry_digest(kind: str, value: str) -> str:
    """Return the digest of a course or an organization in a scope."""
    return sha256(f"{kind}\0{value}".encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(4096)
def course_digests(course_id: str) -> tuple[str, str]:
    """Return the digests of the entries that let a key see a course: its own, and that of its organization."""
    own = entry_digest("course", course_id)
    # An id of another form has no organization.
    return own, entry_digest("org", org_of(course_id)) if is_course_id(course_id) else own


def scope_digest(courses: frozenset[str], orgs: frozenset[str], *limits: object) -> str:
    """Return the digest of all that makes an answer to one key differ from that to another."""
    parts = (*(f"course {course}" for course in sorted(courses)), *(f"org {org}" for org in sorted(orgs)))
    return sha256("\0".join((*parts, *map(repr, limits))).encode("utf-8", "surrogatepass")).hexdigest()
