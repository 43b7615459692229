"""Tables of text: columns are aligned, and fit the screen."""

from cpm.tables import format_table


def test_numbers_stand_at_the_right_and_words_at_the_left():
    rows = [
        ("", "AP", "time", "note"),
        ("a", "0.5", "1.5 ms", "one"),
        ("long", "-12.0", "10 ms", ""),
        ("b", "nan", "", "two words"),
    ]
    assert format_table(rows).splitlines() == [
        "         AP    time  note",
        "a       0.5  1.5 ms  one",
        "long  -12.0   10 ms",
        "b       nan          two words",
    ]


def test_words_beyond_the_screen_go_on_in_their_column():
    words = [f"word{number}" for number in range(40)]
    lines = format_table([("a name", " ".join(words)), ("other", "short")]).splitlines()
    assert len(lines) > 3 and max(map(len, lines)) <= 100
    assert [line[:8].strip() for line in lines] == ["a name", *[""] * (len(lines) - 2), "other"]
    assert " ".join(line[8:] for line in lines[:-1]).split() == words


def test_a_last_column_always_has_some_room():
    lines = format_table([("x" * 120, "some words that go on and on")]).splitlines()
    assert [line[122:] for line in lines] == ["some words that go", "on and on"]
