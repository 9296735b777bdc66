"""A job's input from options: JSON, single fields, files."""

import io
from pathlib import Path
from typing import Annotated, Any

import pytest
from PIL import Image
from pydantic import BaseModel, Field

from stagepass import File
from stagepass.cli.inputs import read_input, set_fields, set_files
from stagepass.errors import InvalidInput, NotFound, TooLarge
from stagepass.files.local import LocalFiles


class Place(BaseModel):
    town: str = ""


class Input(BaseModel):
    name: str = ""
    count: int = 0
    tags: list[str] = []
    place: Place = Place()
    photos: list[File] = []
    pictures: Annotated[list[File] | None, Field(json_schema_extra={"format": "photos"})] = None
    voice: File | None = None


def test_json_is_read_from_the_option_a_file_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "input.json").write_text('{"name": "가"}')
    monkeypatch.setattr("sys.stdin", io.StringIO('{"name": "c"}'))
    assert read_input('{"name": "a"}') == {"name": "a"}
    assert read_input(f"@{tmp_path / 'input.json'}") == {"name": "가"}
    assert read_input("-") == {"name": "c"}
    assert read_input(None) == {}


@pytest.mark.parametrize("text", ["{", "[1]", '"x"'])
def test_what_is_no_json_object_is_told(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_input(text)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(NotFound, match=r"nowhere\.json"):
        read_input("@nowhere.json")


def test_fields_are_set_one_by_one() -> None:
    value = {"name": "old"}
    set_fields(value, ["name=a=b", "count=3", "tags=x", "tags=y", "place.town=Jeju", "photos:=[]"], Input)
    made = Input.model_validate(value)
    assert (made.name, made.count, made.tags, made.place.town) == ("a=b", 3, ["x", "y"], "Jeju")


@pytest.mark.parametrize("entry", ["name", "=x", "count:={"])
def test_a_field_written_wrongly_is_told(entry: str) -> None:
    with pytest.raises(InvalidInput):
        set_fields({}, [entry], Input)


def test_files_are_stored_and_put_into_their_fields(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    files, value = LocalFiles(tmp_path / "store"), {}
    given = [f"photos={tmp_path / 'a.txt'}", f"photos={tmp_path / 'b.txt'}", f"voice={tmp_path / 'a.txt'}"]
    stored = set_files(value, given, Input, files)
    made = Input.model_validate(value)
    assert [file.name for file in made.photos] == ["a.txt", "b.txt"]
    assert made.voice == stored[2]
    with files.local_copy(stored[1]) as copy:
        assert copy.read_text() == "b.txt"


def test_a_damaged_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff" + b"x" * 100)
    with pytest.raises(InvalidInput):
        set_files({}, [f"photos={tmp_path / 'a.jpg'}"], Input, LocalFiles(tmp_path / "store"))


@pytest.mark.parametrize(
    ("field", "content", "says"),
    [
        ("pictures", b"only text", "b.bin: this is"),
        ("photos", b"", "b.bin: the file is empty"),
        ("name", b"text", "name: does not accept files; fields that do: photos, pictures, voice"),
        ("photos", b"x" * 101, "the limit is"),
    ],
)
def test_a_file_that_its_field_does_not_take_is_refused_before_any_is_stored(
    tmp_path: Path, field: str, content: bytes, says: str
) -> None:
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "b.bin").write_bytes(content)
    files = LocalFiles(tmp_path / "store")
    with pytest.raises((InvalidInput, TooLarge), match=says):
        set_files({}, [f"photos={tmp_path / 'good.txt'}", f"{field}={tmp_path / 'b.bin'}"], Input, files, largest=100)
    assert files.usage().files == 0


def test_a_list_is_added_to_however_its_type_is_written(tmp_path: Path) -> None:
    value: dict[str, Any] = {}
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    set_files(value, [f"pictures={tmp_path / 'a.png'}"] * 2, Input, LocalFiles(tmp_path / "store"))
    assert [file["type"] for file in value["pictures"]] == ["image/png", "image/png"]
