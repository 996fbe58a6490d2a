"""The statements of a load into Snowflake, as pure functions; `snowflake_warehouse` runs them.

A load lands every line of its objects as one text, then reads fields, numbers and faults out of it in SQL.
COPY's own CSV reader would be shorter, but it lets a quote that is not closed swallow the lines after it,
knows no reason in our words, and says of a rejected row neither its line nor its column in every case. One
line is one row here, as in `quarantine`, and each of the two comes to the same verdict on every line; the
same tests hold them to it.

The one known difference: COPY replaces bytes that are not UTF-8 by U+FFFD, so a line that holds that
character already is rejected as well, as if it were not UTF-8.

Everything is valid on Snowflake; `netflix_assets_tests/emulator/README.md` says what no test here can show.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from netflix_assets.catalog import EXTRA_COLUMN, RAW_SCHEMA, Column, ColumnType, RawFile
from netflix_assets.formats.layout import CONTROLS_IN_EXTRA, Layout, plain_layout
from netflix_assets.formats.months import adjacent, time_window
from netflix_assets.formats.rows import CONFLICT, TEXT_LIMIT
from netflix_assets.formats.rules import NUMBER, Rule, characters, rules_of, value_of
from netflix_assets.formats.text import CONTROLS
from netflix_assets.formats.values import SHOWN, SPACES
from netflix_assets.landing.bucket import ObjectVersion
from netflix_assets.loading.warehouse import (
    COLUMN_DRIFT,
    LOAD_HISTORY_COLUMNS,
    REJECTED_ROWS_COLUMNS,
    ObjectsByPartition,
)

HALF_MD5 = "md5_number_lower64({})"
"""See `warehouse.load_states_query`."""

FILES_PER_STATEMENT = 1000
"""As many names as COPY takes in FILES."""

ROWS_PER_STATEMENT = 10_000
"""Fewer than the rows that VALUES takes."""

OBJECTS = "load_objects"
LINES = "load_lines"
ROWS = "load_rows"
"""Temporary tables of one load: they are the session's own and end with it, however the load ends."""

LOCK = f"{RAW_SCHEMA}.load_lock"
HISTORY = f"{RAW_SCHEMA}.load_history"
REJECTED = f"{RAW_SCHEMA}.rejected_rows"

_BLANK = characters(" \t\n\v\f\r")
_SPACES = characters(SPACES)
_REPLACED = "chr(65533)"
# A field in quotes, with doubled quotes inside, or one that does not begin with a quote: two groups.
_FIELD = '("[^"]*(""[^"]*)*"|[^",][^,]*)?'
_GROUPS = 2
_TYPES = {"TIMESTAMP": "TIMESTAMP_NTZ"}


def literal(text: str | None) -> str:
    """A text as an SQL literal; Snowflake reads backslashes as escapes."""
    if text is None:
        return "null"
    return "'" + text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"


@dataclass(frozen=True)
class Numbered:
    """An object of a load.

    Attributes:
        position: Its place among them: of rows with the same key the one of the first object is kept.
        month: Its month, if the file has months.
        version: The object.
        name: Its name relative to the stage.
        is_empty: It has no line, not even a header, and is not copied.
        layout: Number of its layout among those of the load; see `create_rows`.
        drift: Which of its columns are unknown or missing, in words.
    """

    position: int
    month: str | None
    version: ObjectVersion
    name: str
    is_empty: bool = False
    layout: int = 0
    drift: str | None = None


def numbered(
    file: RawFile,
    objects: ObjectsByPartition,
    stage_prefix: str,
    layouts: Mapping[str, Layout] = MappingProxyType({}),
    empty: Collection[str] = (),
) -> list[Numbered]:
    """The objects of a load in month order, named as a stage over `stage_prefix` of the bucket names them.

    Args:
        file: What they hold.
        objects: What is loaded.
        stage_prefix: Where in the bucket the stage begins.
        layouts: By key, the layouts of those whose columns are not as the catalogue has them.
        empty: Keys of objects without a line.
    """
    kinds = layouts_of(file, layouts)
    versions = [
        (month, version) for month in sorted(objects, key=lambda name: name or "") for version in objects[month]
    ]
    return [
        Numbered(
            position,
            month,
            version,
            version.key.removeprefix(stage_prefix),
            version.key in empty,
            kinds.index(layout),
            layout.drift(file),
        )
        for position, (month, version) in enumerate(versions)
        for layout in (layouts.get(version.key, kinds[0]),)
    ]


def layouts_of(file: RawFile, layouts: Mapping[str, Layout]) -> list[Layout]:
    """The layouts of a load, each once, that of the catalogue first."""
    return list(dict.fromkeys((plain_layout(file), *layouts.values())))


def create_raw_tables(files: Sequence[RawFile]) -> dict[str, str]:
    """The statement that creates each table that loading needs, by its name in `raw`."""
    history = ", ".join(f"{name} {_TYPES.get(type_, type_)}" for name, type_ in LOAD_HISTORY_COLUMNS)
    rejected = ", ".join(f"{name} {type_}" for name, type_ in REJECTED_ROWS_COLUMNS)
    statements = {
        "load_history": f"create table if not exists {HISTORY} ({history})",
        "rejected_rows": f"create table if not exists {REJECTED} ({rejected})",
        # One row: the newest load id. A load that swaps its rows in holds the lock on it until it commits.
        "load_lock": f"create table if not exists {LOCK} as "
        f"select coalesce(max(load_id), 0)::integer as load_id from {HISTORY}",
    }
    for file in files:
        columns = ", ".join(f'"{column.name}" {column.type.value}' for column in file.columns)
        table = f"{RAW_SCHEMA}.{file.table}"
        statements[file.table] = (
            f"create table if not exists {table} ({columns}, {EXTRA_COLUMN} varchar, _load_id integer)"
        )
    return statements


def columns_for_drift(file: RawFile) -> list[str]:
    """The statements that add what tables of before there was drift do not have."""
    added = ((HISTORY, COLUMN_DRIFT), (f"{RAW_SCHEMA}.{file.table}", EXTRA_COLUMN))
    return [f"alter table {table} add column if not exists {column} varchar" for table, column in added]


def drift_columns_present(file: RawFile) -> str:
    """Names of these columns that are there."""
    return (
        f"select column_name from information_schema.columns where table_schema = '{RAW_SCHEMA.upper()}' and "
        f"(table_name = 'LOAD_HISTORY' and column_name = '{COLUMN_DRIFT.upper()}' or "
        f"table_name = '{file.table.upper()}' and column_name = '{EXTRA_COLUMN.upper()}')"
    )


def raw_tables_present() -> str:
    """Names of the tables in the raw schema."""
    return f"select table_name from information_schema.tables where table_schema = '{RAW_SCHEMA.upper()}'"


def create_objects(objects: Sequence[Numbered]) -> list[str]:
    """The statements that tell Snowflake which objects the load is of; more than one beyond 1,000 objects."""
    first = (
        f"create or replace temporary table {OBJECTS} as select column1::integer as object_number, "
        "column2::varchar as object_key, column3::varchar as etag, column4::bigint as size_bytes, "
        "column5::varchar as month, column6::bigint as window_start, column7::bigint as window_end, "
        "column8::integer as layout, column9::varchar as drift from values "
    )
    more = f"insert into {OBJECTS} select * from values "
    return [
        (more if number else first) + ", ".join(_object_row(item) for item in chunk)
        for number, chunk in enumerate(_chunks(objects))
    ]


def _object_row(item: Numbered) -> str:
    start, end = time_window(item.month) if item.month else ("null", "null")
    version = item.version
    return (
        f"({item.position}, {literal(version.key)}, {literal(version.etag)}, {version.size}, {literal(item.month)}, "
        f"{start}, {end}, {item.layout}, {literal(item.drift)})"
    )


def _chunks(objects: Sequence[Numbered]) -> Iterable[Sequence[Numbered]]:
    for start in range(0, len(objects), FILES_PER_STATEMENT):
        yield objects[start : start + FILES_PER_STATEMENT]


CREATE_LINES = f"create or replace temporary table {LINES} (object_key varchar, line_number integer, line varchar)"

_FILE_FORMAT = (
    "type = csv compression = auto encoding = 'UTF8' field_delimiter = none record_delimiter = '\\n' "
    "field_optionally_enclosed_by = none escape = none escape_unenclosed_field = none "
    "skip_header = 0 skip_blank_lines = {skip_blank_lines} skip_byte_order_mark = true trim_space = false "
    "empty_field_as_null = false null_if = () error_on_column_count_mismatch = false replace_invalid_characters = true"
)


def copy_lines(stage: str, objects: Sequence[Numbered], *, skip_blank_lines: bool = False) -> list[str]:
    """COPY of every line of these objects, with the object and the number of the line.

    FORCE, because Snowflake would pass over an object that it has loaded before; what is loaded again is
    ours to decide.

    Args:
        stage: Stage with its schema.
        objects: What to copy.
        skip_blank_lines: Leave blank lines out. Without it nothing is skipped, so that the number of a row is the
            number of its line; with it, whether those behind a blank line are is not documented.
    """
    file_format = _FILE_FORMAT.format(skip_blank_lines=str(skip_blank_lines).lower())
    return [
        f"copy into {LINES} (object_key, line_number, line) "
        f"from (select metadata$filename, metadata$file_row_number, $1 from @{stage}) "
        f"files = ({', '.join(literal(item.name) for item in chunk)}) "
        f"file_format = ({file_format}) on_error = abort_statement force = true"
        for chunk in _chunks([item for item in objects if not item.is_empty])
    ]


def create_rows(file: RawFile, latest: int, layouts: Sequence[Layout] = ()) -> str:
    """Every row of the landed lines: its values, or the line, the column and the reason why it has none.

    `source_key` and `source_line` are what people are told; see `tell_origins`.

    Args:
        file: What the lines are of.
        latest: The first second that is no plausible time, as `rules.end_of_tomorrow` gives it.
        layouts: Those of the load, if there are others than the catalogue's; see `layouts_of`.
    """
    layouts = layouts or [plain_layout(file)]
    columns = list(enumerate(file.columns, start=1))
    unknown = range(1, max(len(layout.unknown) for layout in layouts) + 1)
    keys = ", ".join(f"value_{file.header.index(name) + 1}" for name in file.key)
    cuts = ",\n        ".join(
        [
            *(f"{_cut(layouts, [layout.positions[i - 1] for layout in layouts])} as cut_{i}" for i, _ in columns),
            *(f"{_cut(layouts, [_unknown(layout, i) for layout in layouts])} as unknown_{i}" for i in unknown),
        ]
    )
    fields = ",\n        ".join(f"{_field(column, i)} as field_{i}" for i, column in columns)
    numbers = ",\n        ".join(
        f"case when regexp_like(field_{i}, '{NUMBER}') then try_to_double(field_{i}) end as number_{i}"
        for i, column in columns
        if column.type is not ColumnType.TEXT
    )
    values = ",\n        ".join(
        [
            *(f"{_value(column, i)} as value_{i}" for i, column in columns),
            *([f"case when fault is null then {_extra(layouts)} end as {EXTRA_COLUMN}"] if unknown else []),
        ]
    )
    kept = ", ".join([*(f"value_{i}" for i, _ in columns), *([EXTRA_COLUMN] if unknown else [])])
    layout = ", objects.layout" if len(layouts) > 1 else ""
    return f"""create or replace temporary table {ROWS} as
with lines as (
    select
        objects.object_number, objects.object_key, objects.month, objects.window_start, objects.window_end{layout},
        landed.line_number,
        case when right(landed.line, 1) = chr(13) then left(landed.line, length(landed.line) - 1)
            else landed.line end as line
    from {LINES} as landed
    inner join {OBJECTS} as objects on landed.object_key = objects.object_key
    where landed.line_number > 1 and trim(coalesce(landed.line, ''), {_BLANK}) <> ''
),
quoted as (
    select
        *,
        contains(line, '"') as has_quotes,
        case when contains(line, '"') then regexp_replace(',' || line, '^(,{_FIELD})*', '') else '' end as unread,
        case when contains(line, '"') then regexp_replace(',' || line, ',"[^"]*(""[^"]*)*"', ',')
            else ',' || line end as outline
    from lines
),
cut as (
    select
        *,
        length(outline) - length(replace(outline, ',', '')) as field_count,
        {cuts}
    from quoted
),
fields as (
    select
        *,
        {fields}
    from cut
),
numbers as (
    select
        *,
        {numbers}
    from fields
),
faults as (
    select
        *,
        {_fault(file, latest, layouts)} as fault
    from numbers
),
parsed as (
    select
        object_number, object_key, month, line_number, line, fault,
        {values}
    from faults
),
ranked as (
    select
        *,
        row_number() over (partition by fault is null, {keys} order by object_number, line_number) as occurrence
    from parsed
)
select
    object_number, object_key, month, line_number, {kept},
    object_key as source_key, line_number as source_line,
    fault is null and occurrence > 1 as is_repeated,
    case when fault is null and occurrence = 1 then null
        else nullif(split_part(coalesce(fault, ''), '|', 1), '') end as column_name,
    case when fault is not null then {_legible("substr(fault, charindex('|', fault) + 1)")}
        when occurrence > 1 then 'a row with the same key came before' end as reason,
    case when fault is not null or occurrence > 1
        then replace(left(line, {TEXT_LIMIT}), chr(0), {_REPLACED}) end as raw_text
from ranked"""


def _unknown(layout: Layout, number: int) -> int | None:
    return layout.unknown[number - 1][1] if number <= len(layout.unknown) else None


def _by_layout(texts: Sequence[str]) -> str:
    """An expression that is another one for each layout of the load."""
    if len(set(texts)) == 1:
        return texts[0]
    others = " ".join(f"when {number} then {text}" for number, text in enumerate(texts) if number)
    return f"case layout {others} else {texts[0]} end"


def _cut(layouts: Sequence[Layout], positions: Sequence[int | None]) -> str:
    """A field as it is written: between commas, or where there are quotes, between those outside of them."""
    texts = []
    for layout, position in zip(layouts, positions, strict=True):
        if position is None:
            texts.append("''")
            continue
        pattern = "^" + ",".join([_FIELD] * layout.width) + "$"
        group = 1 + _GROUPS * position
        texts.append(
            f"case when has_quotes then coalesce(regexp_substr(line, '{pattern}', 1, 1, 'e', {group}), '') "
            f"else split_part(line, ',', {position + 1}) end"
        )
    return _by_layout(texts)


def _extra(layouts: Sequence[Layout]) -> str:
    """What unknown columns hold as a JSON object, letter for letter as `Layout.extra` writes it."""
    texts = []
    for layout in layouts:
        parts = [
            f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || case when {field} = '' then 'null' "
            f"else '\"' || {_json_text(field)} || '\"' end"
            for field, (name, _) in zip(
                (_unquoted(f"unknown_{number}") for number in range(1, len(layout.unknown) + 1)),
                layout.unknown,
                strict=True,
            )
        ]
        texts.append("'{' || " + " || ',' || ".join(parts) + " || '}'" if parts else "null")
    return _by_layout(texts)


def _json_text(text: str) -> str:
    """A text as it stands between the quotes of JSON."""
    for character in ("\\", '"', "\t"):
        text = f"replace({text}, {characters(character)}, {literal(json.dumps(character)[1:-1])})"
    return f"translate({text}, {characters(CONTROLS_IN_EXTRA)}, repeat({_REPLACED}, {len(CONTROLS_IN_EXTRA)}))"


def _field(column: Column, position: int) -> str:
    """The text that a field stands for."""
    text = _unquoted(f"cut_{position}")
    return text if column.type is ColumnType.TEXT else f"trim({text}, {_SPACES})"


def _unquoted(cut: str) -> str:
    return (
        f"case when left({cut}, 1) = '\"' then replace(substr({cut}, 2, length({cut}) - 2), '\"\"', '\"') "
        f"else {cut} end"
    )


def _legible(text: str) -> str:
    """A text in which control characters do no harm, as `rows.legible` makes it."""
    return f"translate({text}, {characters(CONTROLS)}, repeat({_REPLACED}, {len(CONTROLS)}))"


def _fault(file: RawFile, latest: int, layouts: Sequence[Layout]) -> str:
    """What is wrong with a line, as 'column|reason' (no column: the whole line), or NULL; as `formats.rows` says it."""
    invalid = f"octet_length(left(line, charindex({_REPLACED}, line) - 1)) + 1"
    width = _by_layout([str(layout.width) for layout in layouts])
    said_width = _by_layout([f"' fields, not {layout.width}'" for layout in layouts])
    rules = [
        ("left(line, 8) in ('<<<<<<< ', '>>>>>>> ') or line = '======='", f"'|{CONFLICT}'"),
        (f"contains(line, {_REPLACED})", f"'|byte ' || ({invalid}) || ' of the line is not valid UTF-8'"),
        ("contains(line, chr(13))", "'|there is a carriage return inside the line'"),
        ("contains(line, chr(0))", "'|there is a NUL byte in the line'"),
        ("left(unread, 1) = '\"'", "'|a quote is not closed'"),
        ("unread <> ''", "'|there is text after a closing quote'"),
        (f"field_count <> {width}", f"'|there are ' || field_count || {said_width}"),
    ]
    for position, column in enumerate(file.columns, start=1):
        rules += _column_rules(column, position, latest)
    if file.month_column:
        number = f"number_{file.header.index(file.month_column) + 1}"
        # The CASE goes inside the cast, for Snowflake promises nowhere that the one around it is lazy.
        whole = f"cast(case when {number} >= 0 and {number} < {latest} then {number} end as number(38, 0))"
        rules.append(
            (
                f"{number} < window_start or {number} >= window_end",
                f"'{file.month_column}|' || {whole} || ' is not a time in ' || month || ' (UTC)'",
            )
        )
    cases = "\n            ".join(f"when {condition} then {text}" for condition, text in rules)
    return f"case\n            {cases}\n        end"


def _column_rules(column: Column, position: int, latest: int) -> list[tuple[str, str]]:
    field, number = f"field_{position}", f"number_{position}"

    def said(rule: Rule) -> str:
        shown = f"'{column.name}|''' || left({field}, {SHOWN}) || ''' {rule.reason}'"
        return shown if rule.quotes else f"'{column.name}|{rule.reason}'"

    given = "" if column.required else f"{field} <> '' and "
    rules = [(f"{given}{rule.condition(field, number)}", said(rule)) for rule in rules_of(column, latest)]
    return [(f"{field} = ''", f"'{column.name}|is empty'"), *rules] if column.required else rules


def _value(column: Column, position: int) -> str:
    """A field as its column's type; NULL in rows with a fault, whose numbers need not fit."""
    if column.type is ColumnType.TEXT:
        return f"case when fault is null then nullif(field_{position}, '') end"
    return value_of(column, f"case when fault is null then number_{position} end")


def rows_to_tell(file: RawFile, whole: Sequence[int], single: Mapping[int, Sequence[int]]) -> str:
    """Return the query for object number and line of rejected rows, and of the first rows with the keys they repeat.

    Args:
        file: What is loaded.
        whole: Numbers of the objects of which all rejected rows are wanted.
        single: The lines wanted of other objects, by number.
    """
    wanted = [f"object_number = {number} and line_number in ({_listed(lines)})" for number, lines in single.items()]
    if whole:
        wanted.append(f"object_number in ({_listed(whole)}) and reason is not null")
    keys = [f"value_{file.header.index(name) + 1}" for name in file.key]
    same_key = " and ".join(f"firsts.{key} = wanted.{key}" for key in keys)
    return (
        f"with wanted as (select * from {ROWS} where {' or '.join(f'({one})' for one in wanted)}) "
        f"select object_number, line_number from wanted union select firsts.object_number, firsts.line_number "
        f"from {ROWS} as firsts inner join wanted on {same_key} where firsts.reason is null and wanted.is_repeated"
    )


def tell_origins(lines: Sequence[tuple[int, int, str, int]]) -> list[str]:
    """Return the statements that give rows the place in the file that their object was cut from.

    Args:
        lines: Object number, line, key of that file, and line there.
    """
    return [
        f"update {ROWS} set source_key = origins.source_key, source_line = origins.source_line from "
        "(select column1::integer as object_number, column2::integer as line_number, column3::varchar as source_key, "
        "column4::integer as source_line from values "
        + ", ".join(f"({number}, {line}, {literal(key)}, {there})" for number, line, key, there in chunk)
        + f") as origins where {ROWS}.object_number = origins.object_number "
        f"and {ROWS}.line_number = origins.line_number"
        for chunk in (lines[start : start + ROWS_PER_STATEMENT] for start in range(0, len(lines), ROWS_PER_STATEMENT))
    ]


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def describe_repeats(file: RawFile, *, extra: bool = False) -> str:
    """The statement that says of each repeated row where the first of its key stands and how the two differ.

    Args:
        file: What is loaded.
        extra: Some object has columns that the catalogue does not know.
    """
    values = {name: f"value_{position}" for position, name in enumerate(file.header, start=1)}
    values |= {EXTRA_COLUMN: EXTRA_COLUMN} if extra else {}
    same_key = " and ".join(f"{ROWS}.{values[name]} = firsts.{values[name]}" for name in file.key)
    lines = (
        f"case when {ROWS}.source_key = firsts.source_key "
        f"then 'lines ' || firsts.source_line || ' and ' || {ROWS}.source_line "
        f"else 'line ' || {ROWS}.source_line || ' and on line ' || firsts.source_line || ' of ' || firsts.source_key "
        "end"
    )
    differing = " || ".join(
        f"case when {ROWS}.{value} is distinct from firsts.{value} then ', {name}' else '' end"
        for name, value in values.items()
        if name not in file.key
    )
    same = f"'the same row is on ' || {lines}"
    other = _legible(f"{_shown_key(file, values)} || ' is on ' || {lines} || ', with other ' || substr({differing}, 3)")
    reason = f"case when {differing} = '' then {same} else {other} end" if differing else same
    return (
        f"update {ROWS} set reason = {reason} from (select source_key, source_line, {', '.join(values.values())} "
        f"from {ROWS} where reason is null) as firsts where {ROWS}.is_repeated and {same_key}"
    )


def _shown_key(file: RawFile, values: Mapping[str, str]) -> str:
    texts = {column.name for column in file.columns if column.type is ColumnType.TEXT}
    return " || ', ' || ".join(
        f"'{name} ''' || left({ROWS}.{values[name]}, {SHOWN}) || ''''"
        if name in texts
        else f"'{name} ' || {ROWS}.{values[name]}"
        for name in file.key
    )


def leave_out(objects: Sequence[Numbered]) -> list[str]:
    """The statements that take objects out of a load again."""
    numbers = ", ".join(str(item.position) for item in objects)
    return [f"delete from {table} where object_number in ({numbers})" for table in (ROWS, OBJECTS)]


def count_rows() -> str:
    """Of each object: number, lines landed, longest line in bytes, its begin, rows, rejected, repeated, first reject.

    The first reject is line, column, reason and text; last comes the line of the first marker of a merge conflict.
    """
    return f"""with landed as (
    select object_key, count(*) as lines, max(octet_length(line)) as longest,
        left(max_by(line, octet_length(line)), {SHOWN}) as longest_start
    from {LINES}
    group by object_key
),
counted as (
    select object_number, count(*) as rows_read, count_if(reason is not null) as rejected,
        count_if(is_repeated) as repeated,
        min(case when reason is not null then line_number end) as first_line,
        min(case when reason = '{CONFLICT}' then line_number end) as conflict_line
    from {ROWS}
    group by object_number
)
select
    objects.object_number, coalesce(landed.lines, 0), coalesce(landed.longest, 0), landed.longest_start,
    coalesce(counted.rows_read, 0), coalesce(counted.rejected, 0), coalesce(counted.repeated, 0),
    counted.first_line, first_reject.column_name, first_reject.reason, first_reject.raw_text,
    counted.conflict_line
from {OBJECTS} as objects
left join landed on objects.object_key = landed.object_key
left join counted on objects.object_number = counted.object_number
left join {ROWS} as first_reject
    on counted.object_number = first_reject.object_number and counted.first_line = first_reject.line_number
order by objects.object_number"""


def first_rejects(limit: int) -> str:
    """Object, line, column, reason and text of the first rejected rows of the load."""
    return (
        f"select source_key, source_line, column_name, reason, raw_text from {ROWS} where reason is not null "
        f"order by object_number, line_number limit {limit}"
    )


BEGIN = "begin transaction"
TAKE_LOCK = f"update {LOCK} set load_id = load_id + 1"
"""Begins the swap: another load waits here until this one has committed, then sees its rows."""
READ_LOAD_ID = f"select greatest((select load_id from {LOCK}), (select coalesce(max(load_id), 0) + 1 from {HISTORY}))"
"""The load's number: begins when the lock is held, so that it sees what the load before it has committed."""
COMMIT = "commit"
ROLLBACK = "rollback"


def delete_partitions(file: RawFile, objects: ObjectsByPartition) -> str:
    """The statement that empties what the load replaces."""
    table = f"{RAW_SCHEMA}.{file.table}"
    if None in objects:
        return f"delete from {table}"
    windows = adjacent(time_window(month) for month in sorted(month for month in objects if month is not None))
    column = f'"{file.month_column}"'
    ranges = (f"({column} >= {start} and {column} < {end})" for start, end in windows)
    return f"delete from {table} where {' or '.join(ranges)}"


def count_kept_keys(file: RawFile) -> str:
    """Return the query for the number of good rows, by month, whose key the table holds before the load."""
    same = " and ".join(f'held."{name}" = rows_now.value_{file.header.index(name) + 1}' for name in file.key)
    return (
        f"select rows_now.month, count(*) from {ROWS} as rows_now where rows_now.reason is null and exists "
        f"(select 1 from {RAW_SCHEMA}.{file.table} as held where {same}) group by rows_now.month"
    )


def insert_rows(file: RawFile, load_id: int, *, extra: bool = False) -> str:
    """The statement that loads the good rows, in the order of months and times, by which they are pruned.

    Args:
        file: What is loaded.
        load_id: Number of the load.
        extra: Some object has columns that the catalogue does not know.
    """
    more = f", {EXTRA_COLUMN}" if extra else ""
    names = ", ".join(f'"{name}"' for name in file.header)
    values = ", ".join(f"value_{position}" for position in range(1, len(file.columns) + 1))
    order = f" order by value_{file.header.index(file.month_column) + 1}" if file.month_column else ""
    return (
        f"insert into {RAW_SCHEMA}.{file.table} ({names}{more}, _load_id) select {values}{more}, {load_id} from {ROWS} "
        f"where reason is null{order}"
    )


def delete_rejects(file: RawFile, objects: ObjectsByPartition) -> str:
    """The statement that forgets the rejected rows of what the load replaces."""
    months = ", ".join(literal(month) for month in sorted(month for month in objects if month is not None))
    only = "" if None in objects else f" and month in ({months})"
    return f"delete from {REJECTED} where table_name = {literal(file.table)}{only}"


def insert_rejects(file: RawFile, load_id: int) -> str:
    """The statement that keeps the rejected rows."""
    names = ", ".join(name for name, _ in REJECTED_ROWS_COLUMNS)
    return (
        f"insert into {REJECTED} ({names}) select {load_id}, {literal(file.table)}, month, source_key, source_line, "
        f"column_name, reason, raw_text from {ROWS} where reason is not null"
    )


def insert_history(file: RawFile, load_id: int, run_id: str, loaded_at: dt.datetime, *, drift: bool = False) -> str:
    """The statement that writes one row an object into the books.

    Args:
        file: What was loaded.
        load_id: Number of the load.
        run_id: The run.
        loaded_at: When, UTC.
        drift: Some object has unknown columns, or lacks some; without, a table of before there was drift will do.
    """
    names = f"{_history_names()}, {COLUMN_DRIFT}" if drift else _history_names()
    return f"""insert into {HISTORY} ({names})
with counted as (
    select object_number, count(*) as rows_read, count_if(reason is null) as loaded,
        min(case when reason is not null then line_number end) as first_line
    from {ROWS}
    group by object_number
)
select
    {load_id}, {literal(file.table)}, objects.month, objects.object_key, objects.etag, objects.size_bytes,
    coalesce(counted.loaded, 0), coalesce(counted.rows_read - counted.loaded, 0),
    first_reject.source_key || ', line ' || first_reject.source_line
        || case when first_reject.column_name is null then '' else ', column ' || first_reject.column_name end
        || ': ' || first_reject.reason,
    {literal(run_id)}, {_timestamp(loaded_at)}{", objects.drift" if drift else ""}
from {OBJECTS} as objects
left join counted on objects.object_number = counted.object_number
left join {ROWS} as first_reject
    on counted.object_number = first_reject.object_number and counted.first_line = first_reject.line_number"""


def insert_emptied(
    file: RawFile, months: Sequence[str | None], load_id: int, run_id: str, loaded_at: dt.datetime
) -> str:
    """The statement that writes into the books which months (or the table, as None) are now empty."""
    rows = ", ".join(
        f"({load_id}, {literal(file.table)}, {literal(month)}, null, null, 0, 0, 0, null, {literal(run_id)}, "
        f"{_timestamp(loaded_at)})"
        for month in months
    )
    return f"insert into {HISTORY} ({_history_names()}) select * from values {rows}"


def _history_names() -> str:
    return ", ".join(name for name, _ in LOAD_HISTORY_COLUMNS if name != COLUMN_DRIFT)


def _timestamp(moment: dt.datetime) -> str:
    return f"'{moment:%Y-%m-%d %H:%M:%S.%f}'::timestamp_ntz"


def rejects(file: RawFile, limit: int) -> str:
    """The rejected rows of what a table holds."""
    return (
        f"select object_key, line_number, column_name, reason, raw_text from {REJECTED} "
        f"where table_name = {literal(file.table)} order by object_key, line_number limit {limit}"
    )


RELATIONS = "select table_schema, table_name from information_schema.tables where table_schema <> 'INFORMATION_SCHEMA'"
"""Schema and name of every table and view of the database."""


SHOW_RELATIONS = "show terse objects in database"
"""The same without a warehouse, as `name` and `schema_name` among others."""


def count_relations(relations: Sequence[tuple[str, str]]) -> str:
    """Schema, name and rows of each relation; of a table Snowflake knows them without reading it."""
    return " union all ".join(
        f"select {literal(schema)}, {literal(name)}, count(*) from {_quoted(schema)}.{_quoted(name)}"
        for schema, name in relations
    )


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
