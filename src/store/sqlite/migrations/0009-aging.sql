-- What people are not shown of a job, as workers publish it; and which release of an application executed a run last.

alter table duckdive_definition add column redact text check (json_type(redact) = 'array');

alter table duckdive_run add column ran text;
