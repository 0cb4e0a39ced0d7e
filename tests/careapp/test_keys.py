"""The key ring: what it seals opens again only where and for whom it was sealed."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careapp import keys
from careapp.config import Settings
from careapp.key_files import KeysUnusable
from careapp.keys import KeyMissing, Keyring, LastKey, SealBroken, key_id_of

NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
OURS, THEIRS = UUID(int=1), UUID(int=2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


class TestFile:
    def test_is_made_at_first_use_for_its_owner_only(self, settings: Settings) -> None:
        Keyring.open(settings)

        assert stat.S_IMODE(settings.keys_path.stat().st_mode) == 0o600

    def test_is_the_same_for_whoever_comes_later(self, settings: Settings) -> None:
        sealed = Keyring.open(settings).tenant(OURS).seal(b"Ada", b"patient|1|identity")

        assert Keyring.open(settings).tenant(OURS).open(sealed, b"patient|1|identity") == b"Ada"

    def test_leaves_no_draft_behind(self, settings: Settings) -> None:
        Keyring.open(settings).add_main_key(NOW)

        assert [path.name for path in settings.keys_path.parent.iterdir()] == ["keys.json"]

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
    def test_is_refused_if_others_may_read_it(self, settings: Settings, mode: int) -> None:
        Keyring.open(settings)
        settings.keys_path.chmod(mode)

        with pytest.raises(KeysUnusable, match="chmod 600"):
            Keyring.open(settings)

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "{}",
            '{"format": 2, "secret": "", "keys": []}',
            '{"format": 1, "secret": "AAAA", "keys": []}',
            '{"format": 1, "secret": 3, "keys": [{"id": "zz"}]}',
        ],
    )
    def test_is_refused_if_it_is_damaged(self, settings: Settings, content: str) -> None:
        Keyring.open(settings)
        settings.keys_path.write_text(content)

        with pytest.raises(KeysUnusable, match="damaged"):
            Keyring.open(settings)

    def test_is_refused_if_its_folder_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        with pytest.raises(KeysUnusable, match="CAREAPP_KEYS_FILE"):
            Keyring.open(Settings(keys_file=tmp_path / "file" / "keys.json"))

    def test_is_refused_if_two_keys_have_one_id(self, settings: Settings) -> None:
        Keyring.open(settings)
        found = json.loads(settings.keys_path.read_text())
        settings.keys_path.write_text(json.dumps({**found, "keys": found["keys"] * 2}))

        with pytest.raises(KeysUnusable, match="damaged"):
            Keyring.open(settings)


class TestPurpose:
    def test_gives_each_purpose_its_own_key_that_outlives_rotation(self, settings: Settings) -> None:
        ring = Keyring.open(settings)
        before = ring.purpose("audit-chain")

        ring.add_main_key(NOW)

        assert len(before) == 32
        assert ring.purpose("audit-chain") == Keyring.open(settings).purpose("audit-chain") == before
        assert ring.purpose("signing-keys") != before

    def test_shows_no_secret_when_it_is_printed(self) -> None:
        ring = Keyring.in_memory()

        assert repr(ring.main_keys[0].secret) not in repr(ring.main_keys)


class TestDataKey:
    @given(st.binary(max_size=200), st.binary(max_size=50))
    def test_opens_what_it_sealed(self, plain: bytes, about: bytes) -> None:
        key = RING.tenant(OURS)

        assert key.open(key.seal(plain, about), about) == plain

    def test_seals_the_same_value_differently_each_time(self) -> None:
        key = RING.tenant(OURS)

        assert key.seal(b"Ada", b"") != key.seal(b"Ada", b"")

    def test_opens_nowhere_else(self) -> None:
        sealed = RING.tenant(OURS).seal(b"Ada", b"patient|1|identity")

        with pytest.raises(SealBroken):
            RING.tenant(OURS).open(sealed, b"patient|2|identity")

    @pytest.mark.parametrize("tenant", [THEIRS, None])
    def test_opens_for_no_other_tenant(self, tenant: UUID | None) -> None:
        sealed = RING.tenant(OURS).seal(b"Ada", b"")

        with pytest.raises(SealBroken):
            RING.tenant(tenant).open(sealed, b"")

    @given(st.integers(min_value=5), st.integers(min_value=1, max_value=255))
    def test_notices_every_changed_byte(self, place: int, change: int) -> None:
        sealed = bytearray(RING.tenant(OURS).seal(b"Ada", b""))
        sealed[5 + place % (len(sealed) - 5)] ^= change

        with pytest.raises(SealBroken):
            RING.tenant(OURS).open(bytes(sealed), b"")

    @pytest.mark.parametrize("length", [5, 6, 17, 20])
    def test_notices_what_was_cut_off(self, length: int) -> None:
        sealed = RING.tenant(OURS).seal(b"Ada", b"")

        with pytest.raises(SealBroken):
            RING.tenant(OURS).open(sealed[:length], b"")

    def test_says_that_the_key_is_missing(self) -> None:
        sealed = Keyring.in_memory().tenant(OURS).seal(b"Ada", b"")

        with pytest.raises(KeyMissing, match="CAREAPP_KEYS_FILE"):
            RING.tenant(OURS).open(sealed, b"")

    def test_finds_the_same_value_of_the_same_tenant_and_field_only(self) -> None:
        key = RING.tenant(OURS)

        blinds = {
            key.blind("A123456789", "kvnr"),
            key.blind("A123456789", "phone"),
            key.blind("A123456780", "kvnr"),
            RING.tenant(THEIRS).blind("A123456789", "kvnr"),
        }

        assert len(blinds) == 4
        assert key.blind("A123456789", "kvnr") == key.blind("A123456789", "kvnr")


class TestRotation:
    def test_seals_with_the_new_key_and_opens_the_old(self) -> None:
        ring = Keyring.in_memory()
        old = ring.tenant(OURS).seal(b"Ada", b"")

        added = ring.add_main_key(NOW)

        assert ring.tenant(OURS).id == added.id == key_id_of(ring.tenant(OURS).seal(b"", b""))
        assert ring.tenant(OURS).open(old, b"") == b"Ada"

    def test_finds_what_was_stored_under_the_old_key(self) -> None:
        ring = Keyring.in_memory()
        old = ring.tenant(OURS).blind("A123456789", "kvnr")

        ring.add_main_key(NOW)

        new = ring.tenant(OURS).blind("A123456789", "kvnr")
        assert ring.tenant(OURS).blinds("A123456789", "kvnr") == [new, old]

    def test_reaches_a_process_that_runs_on(self, settings: Settings) -> None:
        running, other = Keyring.open(settings), Keyring.open(settings)
        before = running.tenant(OURS)

        other.add_main_key(NOW)
        sealed = other.tenant(OURS).seal(b"Ada", b"")

        assert before.open(sealed, b"") == b"Ada"
        assert key_id_of(sealed) != before.id
        assert running.tenant(OURS).id == other.tenant(OURS).id

    def test_is_noticed_before_anything_else_is_sealed(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keys, "LOOK_S", 0.0)
        running = Keyring.open(settings)
        old = running.tenant(OURS).id

        Keyring.open(settings).add_main_key(NOW)

        assert running.tenant(OURS).id != old

    def test_keeps_keys_that_two_processes_add(self, settings: Settings) -> None:
        first, second = Keyring.open(settings), Keyring.open(settings)

        first.add_main_key(NOW)
        second.add_main_key(NOW)

        assert len(Keyring.open(settings).main_keys) == 3

    def test_gives_up_an_old_key_but_not_the_newest(self, settings: Settings) -> None:
        ring = Keyring.open(settings)
        old = ring.main_keys[0].id
        sealed = ring.tenant(OURS).seal(b"Ada", b"")
        new = ring.add_main_key(NOW)

        ring.drop_main_key(old)

        assert [key.id for key in Keyring.open(settings).main_keys] == [new.id]
        with pytest.raises(KeyMissing):
            ring.tenant(OURS).open(sealed, b"")
        with pytest.raises(LastKey):
            ring.drop_main_key(new.id)


RING = Keyring.in_memory()
