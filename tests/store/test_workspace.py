import stat
from pathlib import Path

import pytest

from store.backup import BackupError, read_backup, write_backup
from store.errors import SettingsError
from store.history import record
from store.keys import KeyMissing, KeyUnsafe, key_path
from store.ledger import last_done, run
from store.migrations import MIGRATIONS, NewerStore, migrate
from store.settings import catalogue, from_dict
from store.workspace import NoWorkspace, Workspace

PASSPHRASE = "correct horse battery"


def test_the_key_lies_outside_and_only_its_owner_reads_it(workspace: Workspace) -> None:
    path = workspace.key_file
    assert path is not None
    assert not path.is_relative_to(workspace.root)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() not in "".join(f.read_text() for f in workspace.root.glob("*.toml"))


def test_a_key_file_inside_the_workspace_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATMILL_KEY_FILE", str(tmp_path / "ws" / "my.key"))
    with pytest.raises(KeyUnsafe, match="inside the workspace"):
        Workspace.create(tmp_path / "ws")


def test_a_key_that_others_may_read_is_refused(workspace: Workspace) -> None:
    assert workspace.key_file is not None
    workspace.key_file.chmod(0o644)
    with pytest.raises(KeyUnsafe, match="can be read by others"):
        workspace.open()


def test_a_missing_key_says_where_it_should_be(workspace: Workspace) -> None:
    key_path(workspace.settings.workspace.id).unlink()
    with pytest.raises(KeyMissing) as raised:
        workspace.open()
    assert "CHATMILL_KEY_FILE" in raised.value.hint


def test_the_environment_may_hold_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATMILL_KEY", "ab" * 32)
    workspace = Workspace.create(tmp_path / "ws")
    workspace.open().close()
    assert workspace.key_file is None
    assert not (tmp_path / "keys").exists()


def test_a_workspace_is_found_from_a_folder_inside_it(workspace: Workspace) -> None:
    assert Workspace.find(workspace.root / "exports").root == workspace.root


def test_where_there_is_none_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NoWorkspace) as raised:
        Workspace.find(tmp_path)
    assert "chatmill init" in raised.value.hint


def test_making_it_again_keeps_what_is_there(workspace: Workspace) -> None:
    before = (workspace.root / "chatmill.toml").read_bytes()
    assert Workspace.create(workspace.root).settings == workspace.settings
    assert (workspace.root / "chatmill.toml").read_bytes() == before


def test_every_mistake_in_the_settings_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        from_dict({"workspace": {"languges": ["en"], "seed": "x"}, "exprot": {}})
    for expected in ("'languges'", "languages", "workspace.seed is 'x'", "'exprot'", "export"):
        assert expected in raised.value.message


def test_every_setting_has_help_and_its_default_is_accepted() -> None:
    for setting in catalogue():
        section, key = setting.key.split(".")
        value = list(setting.default) if isinstance(setting.default, tuple) else setting.default
        assert setting.help.endswith("."), setting.key
        assert getattr(getattr(from_dict({section: {key: value}}), section), key) == setting.default


def test_migrations_apply_once_and_a_newer_store_is_refused(workspace: Workspace) -> None:
    with workspace.open() as store:
        assert migrate(store) == []
        assert store.rows("SELECT name FROM migrations ORDER BY name") == [(m.name,) for m in MIGRATIONS]
        store.execute("INSERT INTO migrations VALUES ('9999_from_the_future', now())")
    with pytest.raises(NewerStore, match="9999_from_the_future"):
        workspace.open()


def test_a_run_that_was_killed_is_closed_when_the_store_is_opened_again(workspace: Workspace) -> None:
    with workspace.open() as store:
        with run(store, "language", versions={"a": 1}) as this:
            this.count("conversations", 7)
            this.position["at"] = "x"
        with pytest.raises(ZeroDivisionError), run(store, "language"):
            raise ZeroDivisionError
        store.execute("UPDATE runs SET status = 'running' WHERE status = 'failed'")
    with workspace.open() as store:
        assert sorted(store.rows("SELECT status FROM runs")) == [("done",), ("interrupted",)]
        done = last_done(store, "language")
    assert done is not None
    assert (done["counts"], done["position"], done["versions"]) == ({"conversations": 7}, {"at": "x"}, {"a": 1})


def test_history_keeps_who_did_what(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATMILL_ACTOR", "lead")
    with workspace.open() as store:
        record(store, "ingest", subject="a.csv", after={"rows": 1})
        assert store.rows("SELECT actor, action, subject, after FROM history") == [
            ("lead", "ingest", "a.csv", '{"rows":1}')
        ]


def test_a_backup_brings_store_and_key_back(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workspace.open() as store:
        record(store, "x", subject="kept")
    write_backup(workspace, tmp_path / "b.tar", passphrase=PASSPHRASE)
    key = (workspace.key_file or Path()).read_text().strip()
    assert key.encode() not in (tmp_path / "b.tar").read_bytes()
    monkeypatch.setenv("CHATMILL_KEY_DIR", str(tmp_path / "other machine"))
    restored = read_backup(tmp_path / "b.tar", tmp_path / "restored", passphrase=PASSPHRASE)
    with restored.open() as store:
        assert store.rows("SELECT subject FROM history") == [("kept",)]
    assert restored.settings == workspace.settings


def test_a_backup_without_its_passphrase_opens_nothing(workspace: Workspace, tmp_path: Path) -> None:
    workspace.open().close()
    write_backup(workspace, tmp_path / "b.tar", passphrase=PASSPHRASE)
    with pytest.raises(BackupError, match="passphrase does not open"):
        read_backup(tmp_path / "b.tar", tmp_path / "restored", passphrase="wrong horse battery")
    with pytest.raises(BackupError, match="not empty"):
        read_backup(tmp_path / "b.tar", workspace.root, passphrase=PASSPHRASE)
    (tmp_path / "no.tar").write_bytes(b"junk")
    with pytest.raises(BackupError, match="no backup"):
        read_backup(tmp_path / "no.tar", tmp_path / "restored", passphrase=PASSPHRASE)
