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
        case when has_quotes then coalesce(regexp_substr(line, '^("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?$', 1, 1, 'e', 1), '') else split_part(line, ',', 1) end as cut_1,
        case when has_quotes then coalesce(regexp_substr(line, '^("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?$', 1, 1, 'e', 3), '') else split_part(line, ',', 2) end as cut_2,
        case when has_quotes then coalesce(regexp_substr(line, '^("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?$', 1, 1, 'e', 5), '') else split_part(line, ',', 3) end as cut_3,
        case when has_quotes then coalesce(regexp_substr(line, '^("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?,("[^"]*(""[^"]*)*"|[^",][^,]*)?$', 1, 1, 'e', 7), '') else split_part(line, ',', 4) end as cut_4
    from quoted
),
fields as (
    select
        *,
        trim(case when left(cut_1, 1) = '"' then replace(substr(cut_1, 2, length(cut_1) - 2), '""', '"') else cut_1 end, chr(32) || chr(9) || chr(11) || chr(12)) as field_1,
        trim(case when left(cut_2, 1) = '"' then replace(substr(cut_2, 2, length(cut_2) - 2), '""', '"') else cut_2 end, chr(32) || chr(9) || chr(11) || chr(12)) as field_2,
        trim(case when left(cut_3, 1) = '"' then replace(substr(cut_3, 2, length(cut_3) - 2), '""', '"') else cut_3 end, chr(32) || chr(9) || chr(11) || chr(12)) as field_3,
        trim(case when left(cut_4, 1) = '"' then replace(substr(cut_4, 2, length(cut_4) - 2), '""', '"') else cut_4 end, chr(32) || chr(9) || chr(11) || chr(12)) as field_4
    from cut
),
numbers as (
    select
        *,
        case when regexp_like(field_1, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then try_to_double(field_1) end as number_1,
        case when regexp_like(field_2, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then try_to_double(field_2) end as number_2,
        case when regexp_like(field_3, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then try_to_double(field_3) end as number_3,
        case when regexp_like(field_4, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then try_to_double(field_4) end as number_4
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
            when field_count <> 4 then '|there are ' || field_count || ' fields, not 4'
            when field_1 = '' then 'userId|is empty'
            when not regexp_like(field_1, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then 'userId|''' || left(field_1, 40) || ''' is not a number'
            when regexp_like(field_1, '.*[eE].*') then 'userId|''' || left(field_1, 40) || ''' has an exponent, so digits may be lost'
            when (number_1 is null or abs(number_1) > 2147483647) then 'userId|''' || left(field_1, 40) || ''' does not fit INTEGER'
            when number_1 <> floor(number_1) then 'userId|''' || left(field_1, 40) || ''' is not a whole number'
            when number_1 < 1 then 'userId|''' || left(field_1, 40) || ''' is below 1'
            when field_2 = '' then 'movieId|is empty'
            when not regexp_like(field_2, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then 'movieId|''' || left(field_2, 40) || ''' is not a number'
            when regexp_like(field_2, '.*[eE].*') then 'movieId|''' || left(field_2, 40) || ''' has an exponent, so digits may be lost'
            when (number_2 is null or abs(number_2) > 2147483647) then 'movieId|''' || left(field_2, 40) || ''' does not fit INTEGER'
            when number_2 <> floor(number_2) then 'movieId|''' || left(field_2, 40) || ''' is not a whole number'
            when number_2 < 1 then 'movieId|''' || left(field_2, 40) || ''' is below 1'
            when field_3 = '' then 'rating|is empty'
            when not regexp_like(field_3, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then 'rating|''' || left(field_3, 40) || ''' is not a number'
            when (number_3 is null or abs(number_3) > cast('1e300' as double)) then 'rating|''' || left(field_3, 40) || ''' does not fit DECIMAL(2,1)'
            when number_3 < 0.5 then 'rating|''' || left(field_3, 40) || ''' is below 0.5'
            when number_3 > 5 then 'rating|''' || left(field_3, 40) || ''' is above 5'
            when abs(number_3 / 0.5 - floor(number_3 / 0.5 + 0.5)) > 1e-9 then 'rating|''' || left(field_3, 40) || ''' is not a multiple of 0.5'
            when field_4 = '' then 'timestamp|is empty'
            when regexp_like(field_4, '[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?') then 'timestamp|''' || left(field_4, 40) || ''' is a date, not seconds since 1970'
            when not regexp_like(field_4, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') then 'timestamp|''' || left(field_4, 40) || ''' is not a number'
            when regexp_like(field_4, '.*[eE].*') then 'timestamp|''' || left(field_4, 40) || ''' has an exponent, so digits may be lost'
            when number_4 < 0 then 'timestamp|''' || left(field_4, 40) || ''' is a time before 1970'
            when number_4 >= 100000000000 and number_4 < 100000000000000 then 'timestamp|''' || left(field_4, 40) || ''' is a time in milliseconds, not seconds since 1970'
            when number_4 >= 100000000000000 and number_4 < 100000000000000000 then 'timestamp|''' || left(field_4, 40) || ''' is a time in microseconds, not seconds since 1970'
            when number_4 >= 100000000000000000 and number_4 < 100000000000000000000 then 'timestamp|''' || left(field_4, 40) || ''' is a time in nanoseconds, not seconds since 1970'
            when (number_4 is null or number_4 >= 1700000000) then 'timestamp|''' || left(field_4, 40) || ''' is a time after tomorrow'
            when number_4 <> floor(number_4) then 'timestamp|''' || left(field_4, 40) || ''' is not a whole number'
            when number_4 < window_start or number_4 >= window_end then 'timestamp|' || cast(case when number_4 >= 0 and number_4 < 1700000000 then number_4 end as number(38, 0)) || ' is not a time in ' || month || ' (UTC)'
        end as fault
    from numbers
),
parsed as (
    select
        object_number, object_key, month, line_number, line, fault,
        cast(case when fault is null then number_1 end as INTEGER) as value_1,
        cast(case when fault is null then number_2 end as INTEGER) as value_2,
        cast(case when fault is null then number_3 end as DECIMAL(2,1)) as value_3,
        cast(case when fault is null then number_4 end as BIGINT) as value_4
    from faults
),
ranked as (
    select
        *,
        row_number() over (partition by fault is null, value_1, value_2, value_4 order by object_number, line_number) as occurrence
    from parsed
)
select
    object_number, object_key, month, line_number, value_1, value_2, value_3, value_4,
    object_key as source_key, line_number as source_line,
    fault is null and occurrence > 1 as is_repeated,
    case when fault is null and occurrence = 1 then null
        else nullif(split_part(coalesce(fault, ''), '|', 1), '') end as column_name,
    case when fault is not null then translate(substr(fault, charindex('|', fault) + 1), chr(1) || chr(2) || chr(3) || chr(4) || chr(5) || chr(6) || chr(7) || chr(8) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(14) || chr(15) || chr(16) || chr(17) || chr(18) || chr(19) || chr(20) || chr(21) || chr(22) || chr(23) || chr(24) || chr(25) || chr(26) || chr(27) || chr(28) || chr(29) || chr(30) || chr(31) || chr(127) || chr(128) || chr(129) || chr(130) || chr(131) || chr(132) || chr(133) || chr(134) || chr(135) || chr(136) || chr(137) || chr(138) || chr(139) || chr(140) || chr(141) || chr(142) || chr(143) || chr(144) || chr(145) || chr(146) || chr(147) || chr(148) || chr(149) || chr(150) || chr(151) || chr(152) || chr(153) || chr(154) || chr(155) || chr(156) || chr(157) || chr(158) || chr(159) || chr(8232) || chr(8233), repeat(chr(65533), 66))
        when occurrence > 1 then 'a row with the same key came before' end as reason,
    case when fault is not null or occurrence > 1
        then replace(left(line, 500), chr(0), chr(65533)) end as raw_text
from ranked;

update load_rows set reason = case when case when load_rows.value_3 is distinct from firsts.value_3 then ', rating' else '' end = '' then 'the same row is on ' || case when load_rows.source_key = firsts.source_key then 'lines ' || firsts.source_line || ' and ' || load_rows.source_line else 'line ' || load_rows.source_line || ' and on line ' || firsts.source_line || ' of ' || firsts.source_key end else translate('userId ' || load_rows.value_1 || ', ' || 'movieId ' || load_rows.value_2 || ', ' || 'timestamp ' || load_rows.value_4 || ' is on ' || case when load_rows.source_key = firsts.source_key then 'lines ' || firsts.source_line || ' and ' || load_rows.source_line else 'line ' || load_rows.source_line || ' and on line ' || firsts.source_line || ' of ' || firsts.source_key end || ', with other ' || substr(case when load_rows.value_3 is distinct from firsts.value_3 then ', rating' else '' end, 3), chr(1) || chr(2) || chr(3) || chr(4) || chr(5) || chr(6) || chr(7) || chr(8) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(14) || chr(15) || chr(16) || chr(17) || chr(18) || chr(19) || chr(20) || chr(21) || chr(22) || chr(23) || chr(24) || chr(25) || chr(26) || chr(27) || chr(28) || chr(29) || chr(30) || chr(31) || chr(127) || chr(128) || chr(129) || chr(130) || chr(131) || chr(132) || chr(133) || chr(134) || chr(135) || chr(136) || chr(137) || chr(138) || chr(139) || chr(140) || chr(141) || chr(142) || chr(143) || chr(144) || chr(145) || chr(146) || chr(147) || chr(148) || chr(149) || chr(150) || chr(151) || chr(152) || chr(153) || chr(154) || chr(155) || chr(156) || chr(157) || chr(158) || chr(159) || chr(8232) || chr(8233), repeat(chr(65533), 66)) end from (select source_key, source_line, value_1, value_2, value_3, value_4 from load_rows where reason is null) as firsts where load_rows.is_repeated and load_rows.value_1 = firsts.value_1 and load_rows.value_2 = firsts.value_2 and load_rows.value_4 = firsts.value_4;
