create or replace temporary table load_rows as
with lines as (
    select
        objects.object_number, objects.object_key, objects.month, objects.window_start, objects.window_end,
        landed.line_number,
        case when right(landed.line, 1) = chr(13) then left(landed.line, length(landed.line) - 1)
            else landed.line end as line
    from load_lines as landed
    inner join load_objects as objects on landed.object_key = objects.object_key
    where landed.line_number > 1 and trim(coalesce(landed.line, ''), chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)) <> ''
),
quoted as (
    select
        *,
        contains(line, '"') as has_quotes,
        case when contains(line, '"') then regexp_replace(',' || line, '^(,("[^"]*(""[^"]*)*"|[^",][^,]*)?)*', '') else '' end as unread,
        case when contains(line, '"') then regexp_replace(',' || line, ',"[^"]*(""[^"]*)*"', ',')
            else ',' || line end as outline
    from lines
),
cut as (
    select
        *,
        length(outline) - length(replace(outline, ',', '')) as field_count,
        case when has_quotes then coalesce(regexp_substr(line, '^("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?$', 1, 1, 'e', 1), '') else split_part(line, ',', 1) end as cut_1,
        case when has_quotes then coalesce(regexp_substr(line, '^("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?$', 1, 1, 'e', 3), '') else split_part(line, ',', 2) end as cut_2,
        case when has_quotes then coalesce(regexp_substr(line, '^("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?$', 1, 1, 'e', 5), '') else split_part(line, ',', 3) end as cut_3
    from quoted
),
fields as (
    select
        *,
        trim(case when left(cut_1, 1) = '"' then replace(substr(cut_1, 2, length(cut_1) - 2), '""', '"') else cut_1 end, chr(32) || chr(9) || chr(11) || chr(12)) as field_1,
        case when left(cut_2, 1) = '"' then replace(substr(cut_2, 2, length(cut_2) - 2), '""', '"') else cut_2 end as field_2,
        case when left(cut_3, 1) = '"' then replace(substr(cut_3, 2, length(cut_3) - 2), '""', '"') else cut_3 end as field_3
    from cut
),
numbers as (
    select
        *,
        case when regexp_like(field_1, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then try_to_double(field_1) end as number_1
    from fields
),
faults as (
    select
        *,
        case
            when left(line, 8) in ('<<<<<<< ', '>>>>>>> ') or line = '=======' then '|this is a marker of a merge conflict'
            when contains(line, chr(65533)) then '|byte ' || (octet_length(left(line, charindex(chr(65533), line) - 1)) + 1) || ' of the line is not valid UTF-8'
            when contains(line, chr(13)) then '|there is a carriage return inside the line'
            when contains(line, chr(0)) then '|there is a NUL byte in the line'
            when left(unread, 1) = '"' then '|a quote is not closed'
            when unread <> '' then '|there is text after a closing quote'
            when field_count <> 3 then '|there are ' || field_count || ' fields, not 3'
            when field_1 = '' then 'movieId|is empty'
            when not regexp_like(field_1, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then 'movieId|''' || left(field_1, 40) || ''' is not a number'
            when regexp_like(field_1, '.*[eE].*') then 'movieId|''' || left(field_1, 40) || ''' has an exponent, so digits may be lost'
            when (number_1 is null or abs(number_1) > 2147483647) then 'movieId|''' || left(field_1, 40) || ''' does not fit INTEGER'
            when number_1 <> floor(number_1) then 'movieId|''' || left(field_1, 40) || ''' is not a whole number'
            when number_1 < 1 then 'movieId|''' || left(field_1, 40) || ''' is below 1'
            when field_2 = '' then 'title|is empty'
            when case when contains(chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(28) || chr(29) || chr(30) || chr(31) || chr(32) || chr(133) || chr(160) || chr(5760) || chr(8192) || chr(8193) || chr(8194) || chr(8195) || chr(8196) || chr(8197) || chr(8198) || chr(8199) || chr(8200) || chr(8201) || chr(8202) || chr(8232) || chr(8233) || chr(8239) || chr(8287) || chr(12288) || chr(173) || chr(4447) || chr(4448) || chr(6158) || chr(8203) || chr(8204) || chr(8205) || chr(8206) || chr(8207) || chr(8288) || chr(8289) || chr(8290) || chr(8291) || chr(8292) || chr(10240) || chr(12644) || chr(65279), left(field_2, 1)) then trim(field_2, chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(28) || chr(29) || chr(30) || chr(31) || chr(32) || chr(133) || chr(160) || chr(5760) || chr(8192) || chr(8193) || chr(8194) || chr(8195) || chr(8196) || chr(8197) || chr(8198) || chr(8199) || chr(8200) || chr(8201) || chr(8202) || chr(8232) || chr(8233) || chr(8239) || chr(8287) || chr(12288) || chr(173) || chr(4447) || chr(4448) || chr(6158) || chr(8203) || chr(8204) || chr(8205) || chr(8206) || chr(8207) || chr(8288) || chr(8289) || chr(8290) || chr(8291) || chr(8292) || chr(10240) || chr(12644) || chr(65279)) = '' else false end then 'title|is blank'
            when field_3 = '' then 'genres|is empty'
        end as fault
    from numbers
),
parsed as (
    select
        object_number, object_key, month, line_number, line, fault,
        cast(case when fault is null then number_1 end as INTEGER) as value_1,
        case when fault is null then nullif(field_2, '') end as value_2,
        case when fault is null then nullif(field_3, '') end as value_3
    from faults
),
ranked as (
    select
        *,
        row_number() over (partition by fault is null, value_1 order by object_number, line_number) as occurrence
    from parsed
)
select
    object_number, object_key, month, line_number, value_1, value_2, value_3,
    object_key as source_key, line_number as source_line,
    fault is null and occurrence > 1 as is_repeated,
    case when fault is null and occurrence = 1 then null
        else nullif(split_part(coalesce(fault, ''), '|', 1), '') end as column_name,
    case when fault is not null then translate(substr(fault, charindex('|', fault) + 1), chr(1) || chr(2) || chr(3) || chr(4) || chr(5) || chr(6) || chr(7) || chr(8) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(14) || chr(15) || chr(16) || chr(17) || chr(18) || chr(19) || chr(20) || chr(21) || chr(22) || chr(23) || chr(24) || chr(25) || chr(26) || chr(27) || chr(28) || chr(29) || chr(30) || chr(31) || chr(127) || chr(128) || chr(129) || chr(130) || chr(131) || chr(132) || chr(133) || chr(134) || chr(135) || chr(136) || chr(137) || chr(138) || chr(139) || chr(140) || chr(141) || chr(142) || chr(143) || chr(144) || chr(145) || chr(146) || chr(147) || chr(148) || chr(149) || chr(150) || chr(151) || chr(152) || chr(153) || chr(154) || chr(155) || chr(156) || chr(157) || chr(158) || chr(159) || chr(8232) || chr(8233), repeat(chr(65533), 66))
        when occurrence > 1 then 'a row with the same key came before' end as reason,
    case when fault is not null or occurrence > 1
        then replace(left(line, 500), chr(0), chr(65533)) end as raw_text
from ranked;

update load_rows set reason = case when case when load_rows.value_2 is distinct from firsts.value_2 then ', title' else '' end || case when load_rows.value_3 is distinct from firsts.value_3 then ', genres' else '' end = '' then 'the same row is on ' || case when load_rows.source_key = firsts.source_key then 'lines ' || firsts.source_line || ' and ' || load_rows.source_line else 'line ' || load_rows.source_line || ' and on line ' || firsts.source_line || ' of ' || firsts.source_key end else translate('movieId ' || load_rows.value_1 || ' is on ' || case when load_rows.source_key = firsts.source_key then 'lines ' || firsts.source_line || ' and ' || load_rows.source_line else 'line ' || load_rows.source_line || ' and on line ' || firsts.source_line || ' of ' || firsts.source_key end || ', with other ' || substr(case when load_rows.value_2 is distinct from firsts.value_2 then ', title' else '' end || case when load_rows.value_3 is distinct from firsts.value_3 then ', genres' else '' end, 3), chr(1) || chr(2) || chr(3) || chr(4) || chr(5) || chr(6) || chr(7) || chr(8) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(14) || chr(15) || chr(16) || chr(17) || chr(18) || chr(19) || chr(20) || chr(21) || chr(22) || chr(23) || chr(24) || chr(25) || chr(26) || chr(27) || chr(28) || chr(29) || chr(30) || chr(31) || chr(127) || chr(128) || chr(129) || chr(130) || chr(131) || chr(132) || chr(133) || chr(134) || chr(135) || chr(136) || chr(137) || chr(138) || chr(139) || chr(140) || chr(141) || chr(142) || chr(143) || chr(144) || chr(145) || chr(146) || chr(147) || chr(148) || chr(149) || chr(150) || chr(151) || chr(152) || chr(153) || chr(154) || chr(155) || chr(156) || chr(157) || chr(158) || chr(159) || chr(8232) || chr(8233), repeat(chr(65533), 66)) end from (select source_key, source_line, value_1, value_2, value_3 from load_rows where reason is null) as firsts where load_rows.is_repeated and load_rows.value_1 = firsts.value_1;
