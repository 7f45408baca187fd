-- Adds how long runs waited in the minutes before a time to what is known of an hour. Index: the primary key.
insert into duckdive_wait_hour (minute, queue, step, number)
select :hour, queue, step, sum(number) from duckdive_wait where minute < :before group by queue, step
on conflict (minute, queue, step) do update set number = number + excluded.number
