-- One small warehouse a duty, so that a long build never delays a report and the bill says what each costs.
-- The size is set once and is yours to change: `alter warehouse ... set warehouse_size = ...`.
use role sysadmin;

create warehouse if not exists ${loader_warehouse}
    warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true;
create warehouse if not exists ${transformer_warehouse}
    warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true;
create warehouse if not exists ${reporter_warehouse}
    warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true;
create warehouse if not exists ${developer_warehouse}
    warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true;

alter warehouse ${loader_warehouse} set
    auto_suspend = 60 auto_resume = true
    statement_timeout_in_seconds = ${statement_seconds} statement_queued_timeout_in_seconds = ${queued_seconds};
alter warehouse ${transformer_warehouse} set
    auto_suspend = 60 auto_resume = true
    statement_timeout_in_seconds = ${statement_seconds} statement_queued_timeout_in_seconds = ${queued_seconds};
alter warehouse ${reporter_warehouse} set
    auto_suspend = 60 auto_resume = true
    statement_timeout_in_seconds = 120 statement_queued_timeout_in_seconds = 60;
alter warehouse ${developer_warehouse} set
    auto_suspend = 60 auto_resume = true
    statement_timeout_in_seconds = 1800 statement_queued_timeout_in_seconds = 600;
