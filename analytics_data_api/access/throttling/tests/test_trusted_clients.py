"""Which keys have been used from where."""

import pytest

from analytics_data_api.access.throttling import trusted_clients
from analytics_data_api.access.throttling.trusted_clients import Memory

HERE, THERE = trusted_clients.client_key("192.0.2.7", "key"), trusted_clients.client_key("198.51.100.1", "key")


def test_no_key_is_kept() -> None:
    assert "key" not in repr(HERE)
    assert HERE != THERE
    assert trusted_clients.client_key("192.0.2.7", "another") != HERE


class TestMemory:
    def test_forgets_those_whom_it_has_not_met_for_longest(self) -> None:
        memory = Memory(2)
        senders = [trusted_clients.client_key("192.0.2.7", key) for key in "abc"]
        for each in (senders[0], senders[1], senders[0], senders[2]):
            memory.add(each)
        assert [memory.has(each) for each in senders] == [True, False, True]

    def test_looks_anew_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = [100.0]
        monkeypatch.setattr(trusted_clients, "monotonic", lambda: times[-1])
        memory = Memory(2)
        assert not memory.has_lately(HERE)
        memory.add(HERE)
        assert memory.has_lately(HERE)
        times.append(100 + trusted_clients.LOOK_INTERVAL)
        assert not memory.has_lately(HERE)
        assert memory.has(HERE)


@pytest.mark.django_db
def test_what_one_process_has_met_is_known_to_all_of_them_once_it_matters() -> None:
    assert not trusted_clients.is_trusted(HERE, 1)
    trusted_clients.memory.add(HERE)
    assert trusted_clients.is_trusted(HERE, 1)
    # As it is in another process.
    trusted_clients.memory.looked.clear()
    assert trusted_clients.is_trusted(HERE, 1)
    assert not trusted_clients.is_trusted(THERE, 1)
    assert not trusted_clients.is_trusted(HERE, 2)
