from concurrent.futures import ThreadPoolExecutor

from careapp.records.keys import shared_key


class TestSharedKey:
    def test_is_the_same_for_all_who_ask_at_once_and_for_all_who_ask_later(self, sessions):
        with ThreadPoolExecutor(4) as pool:
            keys = set(pool.map(lambda _: shared_key(sessions, "pages"), range(8)))

        assert keys == {shared_key(sessions, "pages")}
        assert [len(key) for key in keys] == [32]

    def test_is_another_one_for_another_purpose(self, sessions):
        assert shared_key(sessions, "pages") != shared_key(sessions, "links")
