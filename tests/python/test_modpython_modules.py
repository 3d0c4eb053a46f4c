"""What the modules of mod_python do by themselves, without a server: tables, forms, cookies."""

from __future__ import annotations

import io

import pytest

from millau.mod_python import Cookie, _multipart, util
from millau.mod_python._table import table


def test_a_table_compares_keys_without_case_and_keeps_several_values() -> None:
    fields = table({"Accept": "a"})
    fields.add("accept", "b")
    fields["X"] = "y"
    assert fields["ACCEPT"] == ["a", "b"]
    assert fields.get("x") == "y"
    assert (fields.get("none"), fields.get("none", "d")) == (None, "d")
    assert "aCCept" in fields and fields.has_key("x") and "y" not in fields
    assert fields.items() == [("Accept", "a"), ("accept", "b"), ("X", "y")]
    fields["accept"] = "c"
    assert fields["Accept"] == "c" and len(fields) == 2
    del fields["ACCEPT"]
    assert fields.keys() == ["X"]
    assert fields.setdefault("x", "z") == "y" and fields.setdefault("new", "n") == "n"
    assert fields.copy() == {"x": "y", "NEW": "n"}
    assert fields.pop("new") == "n" and fields.pop("new", None) is None
    with pytest.raises(KeyError):
        fields["new"]
    with pytest.raises(TypeError):
        fields["number"] = 5  # type: ignore[assignment]


BODY = (
    b'preamble --b\r\n--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nvalue\r\n--c\r\n\r\n--b \r\n'
    b'content-disposition: form-data; name="file"; filename="C:\\dir\\a \\"b\\".txt"\r\n'
    b'Content-Type: text/plain; charset=x\r\n\r\n\r\n-\r--b\n\r\n--b\r\nContent-Disposition: form-data; name="empty"\r\n\r\n\r\n--b--\r\nepilogue'
)
PARTS = [("text", b"value\r\n--c\r\n"), ("file", b"\r\n-\r--b\n"), ("empty", b"")]


def parts(body: bytes, size: int, boundary: bytes = b"b") -> list[tuple[str, bytes]]:
    source = io.BytesIO(body)
    found: list[tuple[str, io.BytesIO]] = []

    def opened(headers: list[tuple[str, str]]) -> io.BytesIO:
        values = {name.lower(): value for name, value in headers}
        found.append((_multipart.parameters(values["content-disposition"])[1]["name"], io.BytesIO()))
        return found[-1][1]

    _multipart.parse(lambda _: source.read(size), boundary, opened)
    return [(name, sink.getvalue()) for name, sink in found]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 16, 64, 10_000])
def test_a_multipart_body_is_read_alike_in_pieces_of_any_size(size: int) -> None:
    assert parts(BODY, size) == PARTS


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n",
        BODY[: BODY.index(b"--b--")],
        b"--b\r\nno colon\r\n\r\nx\r\n--b--",
        b"--b\r\nA: " + b"x" * 20_000 + b"\r\n\r\n\r\n--b--",
        b"--b\r\n" + b"A: x\r\n" * 5_000 + b"\r\n\r\n--b--",
        b"--b" + b"x" * 1000,
        b"--bx\r\n\r\n\r\n--b--",
    ],
)
def test_a_body_that_is_cut_or_malformed_is_refused(body: bytes) -> None:
    with pytest.raises(_multipart.Malformed):
        parts(body, 100)


def test_parameters_keep_backslashes_that_escape_nothing() -> None:
    value = r'form-data; name="a\"b"; filename="C:\dir\new.txt"; x = y ; name=second'
    assert _multipart.parameters(value) == (
        "form-data",
        {"name": 'a"b', "filename": r"C:\dir\new.txt", "x": "y"},
    )


def test_a_query_is_taken_apart() -> None:
    query = "a=1&b=%C3%A4+x&c=&d&a=2&%66=%ff&=x"
    assert util.parse_qsl(query) == [("a", "1"), ("b", "ä x"), ("a", "2"), ("f", "\udcff"), ("", "x")]
    assert util.parse_qsl(query, 1)[2:4] == [("c", ""), ("d", "")]
    assert util.parse_qs(b"a=1&a=2") == {"a": ["1", "2"]}


class Asked:
    """As much of a request as a form needs."""

    def __init__(self, args: str | None = None, body: bytes = b"", kind: str | None = None) -> None:
        self.args = args
        self.method = "POST" if body else "GET"
        self.the_request = "POST / HTTP/1.1"
        self.headers_in = table({"Content-Type": kind} if kind else {})
        self.read = io.BytesIO(body).read
        self.log: list[str] = []

    def log_error(self, message: str, level: int) -> None:
        self.log.append(message)


def test_a_form_is_a_mapping_of_texts_and_files() -> None:
    form = util.FieldStorage(Asked("q=1&q=2", BODY, 'Multipart/Form-Data; boundary="b"'), keep_blank_values=1)  # type: ignore[arg-type]
    assert form.keys() == ["q", "text", "file", "empty"]
    assert form["q"] == ["1", "2"] and form.getfirst("q") == "1" and form.getlist("q") == ["1", "2"]
    assert form["text"] == "value\r\n--c\r\n" and form["text"].value == form["text"].file.read()
    assert form["text"].decode("utf-8") == form["text"]
    upload = form["file"]
    assert (
        upload.filename == 'C:\\dir\\a "b".txt'
        and upload.value == b"\r\n-\r--b\n"
        and upload.file.read() == upload.value
    )
    assert (upload.type, upload.type_options, upload.disposition) == ("text/plain", {"charset": "x"}, "form-data")
    assert form.get("none") is None and form.getfirst("none", "d") == "d" and form.getlist("none") == []
    assert "q" in form and form.has_key("text") and len(form) == 4
    form["q"] = "3"
    form.add_field("q", "4")
    del form["text"]
    assert [name for name, _ in form.items()] == ["file", "empty", "q", "q"]
    with pytest.raises(KeyError):
        form["text"]
    form.clear()
    assert list(form) == []


def test_a_form_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from millau.mod_python import apache

    monkeypatch.setattr(util, "FIELDS_SIZE", 1000)
    monkeypatch.setattr(util, "FIELDS", 10)
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n'
    kind = "multipart/form-data; boundary=b"
    for asked in (
        Asked("a=1&" * 10),
        Asked(None, b"a=" + b"x" * 1000),
        Asked(None, part % (b"x" * 1000) + b"--b--", kind),
        Asked(None, part % b"x" * 11 + b"--b--", kind),
    ):
        with pytest.raises(apache.SERVER_RETURN) as raised:
            util.FieldStorage(asked)  # type: ignore[arg-type]
        assert raised.value.args == (413,)


def test_a_file_may_be_put_where_the_application_wants_it() -> None:
    files = []

    def create(filename: str) -> io.BytesIO:
        files.append(filename)
        return io.BytesIO()

    form = util.FieldStorage(Asked(None, BODY, "multipart/form-data; boundary=b"), file_callback=create)  # type: ignore[arg-type]
    assert files == ['C:\\dir\\a "b".txt'] and form["file"].value == b"\r\n-\r--b\n"


def test_a_call_gets_the_fields_that_it_takes() -> None:
    form = util.FieldStorage(Asked("a=1&b=2&b=3&self=x&c=4"))  # type: ignore[arg-type]

    class Page:
        def method(self, a, *, c):
            return a, c

        def __call__(self, b):
            return b

    assert util.apply_fs_data(lambda a, b="none": (a, b), form) == ("1", ["2", "3"])
    assert util.apply_fs_data(lambda req, **rest: (req, sorted(rest)), form, req="r") == ("r", ["a", "b", "c", "self"])
    assert util.apply_fs_data(Page().method, form) == ("1", "4")
    assert util.apply_fs_data(Page(), form) == ["2", "3"]
    with pytest.raises(TypeError):
        util.apply_fs_data(lambda missing: missing, form)


def test_a_cookie_says_what_it_is_told() -> None:
    cookie = Cookie.Cookie("spam", "eggs", path="/", expires=0, secure=1, HttpOnly=0, max_age=5, samesite="Lax")
    assert str(cookie) == "spam=eggs; path=/; secure; expires=Thu, 01-Jan-1970 00:00:00 GMT; Max-Age=5; samesite=Lax"
    cookie.expires = "Sat, 14-Jun-2003 02:42:36 GMT"  # type: ignore[attr-defined]
    with pytest.raises(ValueError):
        cookie.expires = "tomorrow"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        cookie.colour = "red"  # type: ignore[attr-defined]
    for value in ("a; path=/", "a\r\nSet-Cookie: b=c", "a\0"):
        with pytest.raises(Cookie.CookieError):
            str(Cookie.Cookie("spam", value))


def test_cookies_are_read_from_the_field() -> None:
    found = Cookie.Cookie.parse('a=1; b="x; y"; $Path=/; c ; d=e=f,g=h')
    assert {name: cookie.value for name, cookie in found.items()} == {"a": "1", "b": '"x; y"', "c": "", "d": "e=f,g=h"}
    found = Cookie.Cookie.parse("spam=eggs; expires=Sat, 14-Jun-2003 02:42:36 GMT")
    assert found["spam"].value == "eggs"


def test_a_signature_is_of_the_name_and_the_value() -> None:
    text = str(Cookie.SignedCookie("spam", "eggs", "secret"))
    parsed = Cookie.SignedCookie.parse(text, "secret")["spam"]
    assert (type(parsed), parsed.value) == (Cookie.SignedCookie, "eggs")
    for changed, secret in (
        (text + "x", "secret"),
        (text, "other"),
        (text.replace("spam", "span"), "secret"),
        ("spam=é", "secret"),
    ):
        [cookie] = Cookie.SignedCookie.parse(changed, secret).values()
        assert type(cookie) is Cookie.Cookie
        assert Cookie.SignedCookie.parse(changed, secret, mismatch=Cookie.Cookie.IGNORE) == {}
        with pytest.raises(Cookie.CookieError):
            Cookie.SignedCookie.parse(changed, secret, mismatch=Cookie.Cookie.EXCEPTION)
    with pytest.raises(Cookie.CookieError):
        str(Cookie.SignedCookie("spam", "eggs"))


@pytest.mark.parametrize("value", [5, "ä", b"\xff", (1, [2.5, None]), {"a": {1, 2}}, True])
def test_a_marshal_cookie_holds_plain_values(value: object) -> None:
    text = str(Cookie.MarshalCookie("spam", value, "secret"))
    assert Cookie.MarshalCookie.parse(text, "secret")["spam"].value == value


def test_a_marshal_cookie_holds_nothing_that_could_run() -> None:
    for value in (open, lambda: 1, test_a_signature_is_of_the_name_and_the_value.__code__):
        with pytest.raises(Cookie.CookieError):
            str(Cookie.MarshalCookie("spam", value, "secret"))
    # Signed, and still not run: a secret that leaks is no way to run code.
    signed = Cookie.SignedCookie("spam", "X19pbXBvcnRfXygnb3MnKS5nZXRwaWQoKQ==", "secret")
    [cookie] = Cookie.MarshalCookie.parse(str(signed), "secret").values()
    assert type(cookie) is Cookie.Cookie
