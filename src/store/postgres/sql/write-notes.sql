-- Writes log lines and progress of executions that still own their runs.
select duckdive.write_notes(:items::json, :now::bigint)
