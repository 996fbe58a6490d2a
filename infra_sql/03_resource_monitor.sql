-- What the four warehouses may use a month. Only ACCOUNTADMIN can make a monitor and assign warehouses to it.
use role accountadmin;

create resource monitor if not exists ${resource_monitor} with
    credit_quota = ${monthly_credits} frequency = monthly start_timestamp = immediately
    triggers on 80 percent do notify on 100 percent do suspend on 110 percent do suspend_immediate;
alter resource monitor ${resource_monitor} set credit_quota = ${monthly_credits};

alter warehouse ${loader_warehouse} set resource_monitor = ${resource_monitor};
alter warehouse ${transformer_warehouse} set resource_monitor = ${resource_monitor};
alter warehouse ${reporter_warehouse} set resource_monitor = ${resource_monitor};
alter warehouse ${developer_warehouse} set resource_monitor = ${resource_monitor};
