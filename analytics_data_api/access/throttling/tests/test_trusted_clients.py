"""Which keys were used in which networks."""

import pytest

from analytics_data_api.access.throttling import trusted_clients
from analytics_data_api.access.throttling.trusted_clients import ClientKey, Memory

HERE, THERE = ClientKey("192.0.2.7", b"key"), ClientKey("198.51.100.1", b"key")


class TestMemory:
    def test_drops_the_client_key_that_was_added_first(self) -> None:
        memory = Memory(2)
        client_keys = [ClientKey("192.0.2.7", digest) for digest in (b"a", b"b", b"c")]
        for each in (client_keys[0], client_keys[1], client_keys[0], client_keys[2]):
            memory.add(each)
        assert [memory.has(each) for each in client_keys] == [True, False, True]

    def test_a_client_key_is_recent_for_some_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = [100.0]
        monkeypatch.setattr(trusted_clients, "monotonic", lambda: times[-1])
        memory = Memory(2)
        assert not memory.is_recent(HERE)
        memory.add(HERE)
        assert memory.is_recent(HERE)
        times.append(100 + trusted_clients.RECENT)
        assert not memory.is_recent(HERE)
        assert memory.has(HERE)

    def test_can_be_cleared(self) -> None:
        memory = Memory(2)
        memory.add(HERE)
        memory.clear()
        assert not memory.has(HERE)


@pytest.mark.django_db
def test_a_client_key_of_one_process_is_trusted_by_all_once_it_is_noted() -> None:
    assert not trusted_clients.is_trusted(HERE, 1)
    trusted_clients.memory.add(HERE)
    assert trusted_clients.is_trusted(HERE, 1)
    # As in another process.
    trusted_clients.memory.clear()
    assert trusted_clients.is_trusted(HERE, 1)
    assert not trusted_clients.is_trusted(THERE, 1)
    assert not trusted_clients.is_trusted(HERE, 2)
