"""Which keys have been used from where."""

import pytest

from analytics_data_api.throttling import familiar
from analytics_data_api.throttling.familiar import Memory

HERE, THERE = familiar.sender("192.0.2.7", "key"), familiar.sender("198.51.100.1", "key")


def test_no_key_is_kept() -> None:
    assert "key" not in repr(HERE)
    assert HERE != THERE
    assert familiar.sender("192.0.2.7", "another") != HERE


class TestMemory:
    def test_forgets_those_whom_it_has_not_met_for_longest(self) -> None:
        memory = Memory(2)
        senders = [familiar.sender("192.0.2.7", key) for key in "abc"]
        for each in (senders[0], senders[1], senders[0], senders[2]):
            memory.add(each)
        assert [memory.has(each) for each in senders] == [True, False, True]

    def test_looks_anew_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = [100.0]
        monkeypatch.setattr(familiar, "monotonic", lambda: times[-1])
        memory = Memory(2)
        assert not memory.has_lately(HERE)
        memory.add(HERE)
        assert memory.has_lately(HERE)
        times.append(100 + familiar.LOOK_INTERVAL)
        assert not memory.has_lately(HERE)
        assert memory.has(HERE)


@pytest.mark.django_db
def test_what_one_process_has_met_is_known_to_all_of_them_once_it_matters() -> None:
    assert not familiar.is_familiar(HERE, 1)
    familiar.memory.add(HERE)
    assert familiar.is_familiar(HERE, 1)
    # As it is in another process.
    familiar.memory.looked.clear()
    assert familiar.is_familiar(HERE, 1)
    assert not familiar.is_familiar(THERE, 1)
    assert not familiar.is_familiar(HERE, 2)
