\restrict 6GnUpc2aM9sw9T6RAgvjRkIcTdTPJOwT8RW6PfG04EmwgbIj27iVS1iLhGnnYPs
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.asset_check_executions (
    id bigint NOT NULL,
    asset_key text,
    check_name text,
    partition text,
    run_id character varying(255),
    execution_status character varying(255),
    evaluation_event text,
    evaluation_event_timestamp timestamp without time zone,
    evaluation_event_storage_id bigint,
    materialization_event_storage_id bigint,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.asset_check_executions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.asset_check_executions_id_seq OWNED BY public.asset_check_executions.id;
CREATE TABLE public.asset_daemon_asset_evaluations (
    id bigint NOT NULL,
    evaluation_id bigint,
    asset_key text,
    asset_evaluation_body text,
    num_requested integer,
    num_skipped integer,
    num_discarded integer,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.asset_daemon_asset_evaluations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.asset_daemon_asset_evaluations_id_seq OWNED BY public.asset_daemon_asset_evaluations.id;
CREATE TABLE public.asset_event_tags (
    id bigint NOT NULL,
    event_id bigint,
    asset_key text NOT NULL,
    key text NOT NULL,
    value text,
    event_timestamp timestamp without time zone
);
CREATE SEQUENCE public.asset_event_tags_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.asset_event_tags_id_seq OWNED BY public.asset_event_tags.id;
CREATE TABLE public.asset_keys (
    id bigint NOT NULL,
    asset_key character varying(512),
    last_materialization text,
    last_run_id character varying(255),
    asset_details text,
    wipe_timestamp timestamp without time zone,
    last_materialization_timestamp timestamp without time zone,
    tags text,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    cached_status_data text
);
CREATE SEQUENCE public.asset_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.asset_keys_id_seq OWNED BY public.asset_keys.id;
CREATE TABLE public.backfill_tags (
    id bigint NOT NULL,
    backfill_id character varying(255),
    key text,
    value text
);
CREATE SEQUENCE public.backfill_tags_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.backfill_tags_id_seq OWNED BY public.backfill_tags.id;
CREATE TABLE public.bulk_actions (
    id bigint NOT NULL,
    key character varying(32) NOT NULL,
    status character varying(255) NOT NULL,
    "timestamp" timestamp without time zone NOT NULL,
    body text,
    action_type character varying(32),
    selector_id text,
    job_name text
);
CREATE SEQUENCE public.bulk_actions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.bulk_actions_id_seq OWNED BY public.bulk_actions.id;
CREATE TABLE public.concurrency_limits (
    id bigint NOT NULL,
    concurrency_key character varying(512) NOT NULL,
    "limit" integer NOT NULL,
    update_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.concurrency_limits_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.concurrency_limits_id_seq OWNED BY public.concurrency_limits.id;
CREATE TABLE public.concurrency_slots (
    id bigint NOT NULL,
    concurrency_key text NOT NULL,
    run_id text,
    step_key text,
    deleted boolean NOT NULL,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.concurrency_slots_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.concurrency_slots_id_seq OWNED BY public.concurrency_slots.id;
CREATE TABLE public.daemon_heartbeats (
    id bigint NOT NULL,
    daemon_type character varying(255) NOT NULL,
    daemon_id character varying(255),
    "timestamp" timestamp without time zone NOT NULL,
    body text
);
CREATE SEQUENCE public.daemon_heartbeats_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.daemon_heartbeats_id_seq OWNED BY public.daemon_heartbeats.id;
CREATE TABLE public.dynamic_partitions (
    id bigint NOT NULL,
    partitions_def_name text NOT NULL,
    partition text NOT NULL,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.dynamic_partitions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.dynamic_partitions_id_seq OWNED BY public.dynamic_partitions.id;
CREATE TABLE public.event_logs (
    id bigint NOT NULL,
    run_id character varying(255),
    event text NOT NULL,
    dagster_event_type text,
    "timestamp" timestamp without time zone,
    step_key text,
    asset_key text,
    partition text
);
CREATE SEQUENCE public.event_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.event_logs_id_seq OWNED BY public.event_logs.id;
CREATE TABLE public.instance_info (
    id bigint NOT NULL,
    run_storage_id text
);
CREATE SEQUENCE public.instance_info_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.instance_info_id_seq OWNED BY public.instance_info.id;
CREATE TABLE public.instigators (
    id bigint NOT NULL,
    selector_id character varying(255),
    repository_selector_id character varying(255),
    status character varying(63),
    instigator_type character varying(63),
    instigator_body text,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    update_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.instigators_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.instigators_id_seq OWNED BY public.instigators.id;
CREATE TABLE public.job_ticks (
    id bigint NOT NULL,
    job_origin_id character varying(255),
    selector_id character varying(255),
    status character varying(63),
    type character varying(63),
    "timestamp" timestamp without time zone,
    tick_body text,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    update_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.job_ticks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.job_ticks_id_seq OWNED BY public.job_ticks.id;
CREATE TABLE public.jobs (
    id bigint NOT NULL,
    job_origin_id character varying(255),
    selector_id character varying(255),
    repository_origin_id character varying(255),
    status character varying(63),
    job_type character varying(63),
    job_body text,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    update_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.jobs_id_seq OWNED BY public.jobs.id;
CREATE TABLE public.kvs (
    id bigint NOT NULL,
    key text NOT NULL,
    value text
);
CREATE SEQUENCE public.kvs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.kvs_id_seq OWNED BY public.kvs.id;
CREATE TABLE public.pending_steps (
    id bigint NOT NULL,
    concurrency_key text NOT NULL,
    run_id text,
    step_key text,
    priority integer,
    assigned_timestamp timestamp without time zone,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);
CREATE SEQUENCE public.pending_steps_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.pending_steps_id_seq OWNED BY public.pending_steps.id;
CREATE TABLE public.run_tags (
    id bigint NOT NULL,
    run_id character varying(255),
    key text,
    value text
);
CREATE SEQUENCE public.run_tags_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.run_tags_id_seq OWNED BY public.run_tags.id;
CREATE TABLE public.runs (
    id bigint NOT NULL,
    run_id character varying(255),
    snapshot_id character varying(255),
    pipeline_name text,
    mode text,
    status character varying(63),
    run_body text,
    partition text,
    partition_set text,
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    update_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    start_time double precision,
    end_time double precision,
    backfill_id character varying(255)
);
CREATE SEQUENCE public.runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.runs_id_seq OWNED BY public.runs.id;
CREATE TABLE public.secondary_indexes (
    id bigint NOT NULL,
    name character varying(512),
    create_timestamp timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    migration_completed timestamp without time zone
);
CREATE SEQUENCE public.secondary_indexes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.secondary_indexes_id_seq OWNED BY public.secondary_indexes.id;
CREATE TABLE public.snapshots (
    id bigint NOT NULL,
    snapshot_id character varying(255) NOT NULL,
    snapshot_body bytea NOT NULL,
    snapshot_type character varying(63) NOT NULL
);
CREATE SEQUENCE public.snapshots_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.snapshots_id_seq OWNED BY public.snapshots.id;
ALTER TABLE ONLY public.asset_check_executions ALTER COLUMN id SET DEFAULT nextval('public.asset_check_executions_id_seq'::regclass);
ALTER TABLE ONLY public.asset_daemon_asset_evaluations ALTER COLUMN id SET DEFAULT nextval('public.asset_daemon_asset_evaluations_id_seq'::regclass);
ALTER TABLE ONLY public.asset_event_tags ALTER COLUMN id SET DEFAULT nextval('public.asset_event_tags_id_seq'::regclass);
ALTER TABLE ONLY public.asset_keys ALTER COLUMN id SET DEFAULT nextval('public.asset_keys_id_seq'::regclass);
ALTER TABLE ONLY public.backfill_tags ALTER COLUMN id SET DEFAULT nextval('public.backfill_tags_id_seq'::regclass);
ALTER TABLE ONLY public.bulk_actions ALTER COLUMN id SET DEFAULT nextval('public.bulk_actions_id_seq'::regclass);
ALTER TABLE ONLY public.concurrency_limits ALTER COLUMN id SET DEFAULT nextval('public.concurrency_limits_id_seq'::regclass);
ALTER TABLE ONLY public.concurrency_slots ALTER COLUMN id SET DEFAULT nextval('public.concurrency_slots_id_seq'::regclass);
ALTER TABLE ONLY public.daemon_heartbeats ALTER COLUMN id SET DEFAULT nextval('public.daemon_heartbeats_id_seq'::regclass);
ALTER TABLE ONLY public.dynamic_partitions ALTER COLUMN id SET DEFAULT nextval('public.dynamic_partitions_id_seq'::regclass);
ALTER TABLE ONLY public.event_logs ALTER COLUMN id SET DEFAULT nextval('public.event_logs_id_seq'::regclass);
ALTER TABLE ONLY public.instance_info ALTER COLUMN id SET DEFAULT nextval('public.instance_info_id_seq'::regclass);
ALTER TABLE ONLY public.instigators ALTER COLUMN id SET DEFAULT nextval('public.instigators_id_seq'::regclass);
ALTER TABLE ONLY public.job_ticks ALTER COLUMN id SET DEFAULT nextval('public.job_ticks_id_seq'::regclass);
ALTER TABLE ONLY public.jobs ALTER COLUMN id SET DEFAULT nextval('public.jobs_id_seq'::regclass);
ALTER TABLE ONLY public.kvs ALTER COLUMN id SET DEFAULT nextval('public.kvs_id_seq'::regclass);
ALTER TABLE ONLY public.pending_steps ALTER COLUMN id SET DEFAULT nextval('public.pending_steps_id_seq'::regclass);
ALTER TABLE ONLY public.run_tags ALTER COLUMN id SET DEFAULT nextval('public.run_tags_id_seq'::regclass);
ALTER TABLE ONLY public.runs ALTER COLUMN id SET DEFAULT nextval('public.runs_id_seq'::regclass);
ALTER TABLE ONLY public.secondary_indexes ALTER COLUMN id SET DEFAULT nextval('public.secondary_indexes_id_seq'::regclass);
ALTER TABLE ONLY public.snapshots ALTER COLUMN id SET DEFAULT nextval('public.snapshots_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('6b7fb194ff9c');
INSERT INTO public.asset_event_tags VALUES (1, 9, '["raw", "raw_movies"]', 'dagster/data_version', 'ca28c27e096fc390529af13af45bc47b447caaa6a404d2655cbd1ce31da27806', '2026-11-25 22:06:01.337789');
INSERT INTO public.asset_keys VALUES (1, '["raw", "raw_movies"]', '{"__class__": "EventLogRecord", "event_log_entry": {"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", "event_specific_data": {"__class__": "StepMaterializationData", "asset_lineage": [], "materialization": {"__class__": "AssetMaterialization", "asset_key": {"__class__": "AssetKey", "path": ["raw", "raw_movies"]}, "description": null, "metadata_entries": [], "partition": null, "tags": {"dagster/code_version": "2fa25782-1cf2-467d-b08f-f81945095c92", "dagster/data_version": "ca28c27e096fc390529af13af45bc47b447caaa6a404d2655cbd1ce31da27806"}}}, "event_type_value": "ASSET_MATERIALIZATION", "logging_tags": {"job_name": "__ephemeral_asset_job__", "op_name": "raw__raw_movies", "resource_fn_name": "None", "resource_name": "None", "run_id": "2fa25782-1cf2-467d-b08f-f81945095c92", "step_key": "raw__raw_movies"}, "message": "Materialized value raw raw_movies.", "pid": 13735, "pipeline_name": "__ephemeral_asset_job__", "solid_handle": {"__class__": "SolidHandle", "name": "raw__raw_movies", "parent": null}, "step_handle": {"__class__": "StepHandle", "key": "raw__raw_movies", "solid_handle": {"__class__": "SolidHandle", "name": "raw__raw_movies", "parent": null}}, "step_key": "raw__raw_movies", "step_kind_value": "COMPUTE"}, "error_info": null, "level": 10, "message": "", "pipeline_name": "__ephemeral_asset_job__", "run_id": "2fa25782-1cf2-467d-b08f-f81945095c92", "step_key": "raw__raw_movies", "timestamp": 1795644361.3377886, "user_message": "Materialized value raw raw_movies."}, "storage_id": 9}', '2fa25782-1cf2-467d-b08f-f81945095c92', NULL, NULL, '2026-11-25 22:06:01.337789', NULL, '2026-11-25 22:06:01.090384', NULL);
INSERT INTO public.concurrency_limits VALUES (1, 'warehouse', 1, '2026-11-25 22:06:00.946558', '2026-11-25 22:06:00.946558');
INSERT INTO public.concurrency_slots VALUES (1, 'warehouse', NULL, NULL, false, '2026-11-25 22:06:00.946558');
INSERT INTO public.event_logs VALUES (2, '2fa25782-1cf2-467d-b08f-f81945095c92', '{"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", "event_specific_data": null, "event_type_value": "PIPELINE_START", "logging_tags": {}, "message": "Started execution of run for \"__ephemeral_asset_job__\".", "pid": 13735, "pipeline_name": "__ephemeral_asset_job__", "solid_handle": null, "step_handle": null, "step_key": null, "step_kind_value": null}, "error_info": null, "level": 10, "message": "", "pipeline_name": "__ephemeral_asset_job__", "run_id": "2fa25782-1cf2-467d-b08f-f81945095c92", "step_key": null, "timestamp": 1795644361.0945766, "user_message": "Started execution of run for \"__ephemeral_asset_job__\"."}', 'PIPELINE_START', '2026-11-25 22:06:01.094577', NULL, NULL, NULL);
INSERT INTO public.event_logs VALUES (9, '2fa25782-1cf2-467d-b08f-f81945095c92', '{"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", "event_specific_data": {"__class__": "StepMaterializationData", "asset_lineage": [], "materialization": {"__class__": "AssetMaterialization", "asset_key": {"__class__": "AssetKey", "path": ["raw", "raw_movies"]}, "description": null, "metadata_entries": [], "partition": null, "tags": {"dagster/code_version": "2fa25782-1cf2-467d-b08f-f81945095c92", "dagster/data_version": "ca28c27e096fc390529af13af45bc47b447caaa6a404d2655cbd1ce31da27806"}}}, "event_type_value": "ASSET_MATERIALIZATION", "logging_tags": {"job_name": "__ephemeral_asset_job__", "op_name": "raw__raw_movies", "resource_fn_name": "None", "resource_name": "None", "run_id": "2fa25782-1cf2-467d-b08f-f81945095c92", "step_key": "raw__raw_movies"}, "message": "Materialized value raw raw_movies.", "pid": 13735, "pipeline_name": "__ephemeral_asset_job__", "solid_handle": {"__class__": "SolidHandle", "name": "raw__raw_movies", "parent": null}, "step_handle": {"__class__": "StepHandle", "key": "raw__raw_movies", "solid_handle": {"__class__": "SolidHandle", "name": "raw__raw_movies", "parent": null}}, "step_key": "raw__raw_movies", "step_kind_value": "COMPUTE"}, "error_info": null, "level": 10, "message": "", "pipeline_name": "__ephemeral_asset_job__", "run_id": "2fa25782-1cf2-467d-b08f-f81945095c92", "step_key": "raw__raw_movies", "timestamp": 1795644361.3377886, "user_message": "Materialized value raw raw_movies."}', 'ASSET_MATERIALIZATION', '2026-11-25 22:06:01.337789', 'raw__raw_movies', '["raw", "raw_movies"]', NULL);
INSERT INTO public.event_logs VALUES (12, '2fa25782-1cf2-467d-b08f-f81945095c92', '{"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", "event_specific_data": null, "event_type_value": "PIPELINE_SUCCESS", "logging_tags": {}, "message": "Finished execution of run for \"__ephemeral_asset_job__\".", "pid": 13735, "pipeline_name": "__ephemeral_asset_job__", "solid_handle": null, "step_handle": null, "step_key": null, "step_kind_value": null}, "error_info": null, "level": 10, "message": "", "pipeline_name": "__ephemeral_asset_job__", "run_id": "2fa25782-1cf2-467d-b08f-f81945095c92", "step_key": null, "timestamp": 1795644361.457966, "user_message": "Finished execution of run for \"__ephemeral_asset_job__\"."}', 'PIPELINE_SUCCESS', '2026-11-25 22:06:01.457966', NULL, NULL, NULL);
INSERT INTO public.instance_info VALUES (1, 'b8a61867-83fa-4ae0-80df-f08e1f5cd941');
INSERT INTO public.runs VALUES (1, '2fa25782-1cf2-467d-b08f-f81945095c92', 'e3871efe97777fb4bdfe790a67e85cb3edfaf16f', '__ephemeral_asset_job__', NULL, 'SUCCESS', '{"__class__": "PipelineRun", "asset_check_selection": null, "asset_selection": {"__frozenset__": []}, "execution_plan_snapshot_id": "cb1f9556f2a9915fa63b374d9ccda92c15b7b98f", "external_pipeline_origin": null, "has_repository_load_data": false, "mode": null, "parent_run_id": null, "pipeline_code_origin": null, "pipeline_name": "__ephemeral_asset_job__", "pipeline_snapshot_id": "e3871efe97777fb4bdfe790a67e85cb3edfaf16f", "root_run_id": null, "run_config": {}, "run_id": "2fa25782-1cf2-467d-b08f-f81945095c92", "run_op_concurrency": null, "solid_selection": null, "solids_to_execute": null, "status": {"__enum__": "PipelineRunStatus.SUCCESS"}, "step_keys_to_execute": ["raw__raw_movies"], "tags": {}}', NULL, NULL, '2026-11-25 22:06:01.047716', '2026-11-25 22:06:01.485362', 1795644361.131776, 1795644361.485362, NULL);
INSERT INTO public.secondary_indexes VALUES (1, 'run_partitions', '2026-11-25 22:06:00.395462', '2026-11-25 22:06:00.38769');
INSERT INTO public.secondary_indexes VALUES (2, 'run_repo_label_tags', '2026-11-25 22:06:00.432907', '2026-11-25 22:06:00.424248');
INSERT INTO public.secondary_indexes VALUES (3, 'bulk_action_types', '2026-11-25 22:06:00.459824', '2026-11-25 22:06:00.453014');
INSERT INTO public.secondary_indexes VALUES (4, 'run_backfill_id', '2026-11-25 22:06:00.506526', '2026-11-25 22:06:00.499787');
INSERT INTO public.secondary_indexes VALUES (5, 'backfill_job_name_and_tags', '2026-11-25 22:06:00.530152', '2026-11-25 22:06:00.52533');
INSERT INTO public.secondary_indexes VALUES (6, 'run_start_end_overwritten', '2026-11-25 22:06:00.584013', '2026-11-25 22:06:00.576314');
INSERT INTO public.secondary_indexes VALUES (7, 'asset_key_table', '2026-11-25 22:06:00.717175', '2026-11-25 22:06:00.711667');
INSERT INTO public.secondary_indexes VALUES (8, 'asset_key_index_columns', '2026-11-25 22:06:00.742217', '2026-11-25 22:06:00.736792');
INSERT INTO public.secondary_indexes VALUES (9, 'schedule_jobs_selector_id', '2026-11-25 22:06:00.854085', '2026-11-25 22:06:00.842587');
INSERT INTO public.secondary_indexes VALUES (10, 'schedule_ticks_selector_id', '2026-11-25 22:06:00.918762', '2026-11-25 22:06:00.909972');
INSERT INTO public.snapshots VALUES (1, 'e3871efe97777fb4bdfe790a67e85cb3edfaf16f', '\x789ced5cd973ab3617ff5718bff4a5cd0062ed5beed666be34e95ca70f9d26c308e928a6c5c00738b7ee9dfcef3d62f11620b2633b6e9b872c60e9e89cdfd905f2d75110b0981645108cbed7463f4719c45102e38466c5242d47df6a23962622ba0f0a3681290d8af693efb5afeb73df57e3c6d5b0d5f9348e839686bc1d84f3e00f985704ce93791fa19b7956b121497028581e65659426382099c531de8464360d1e683c836279534410f395ebfbe8019220a1539094e57278b35e7d711525bc61a222b9c1c3fff0e3b3f3ab5f478f38b66034a679d04c69d628715490d19c4ea55cede272f8bb348db7976f34da4dba6ab5a5788b4b05f9c6efcf2fcf3f7788d8356b5c8da8e6bdbbbebeac66f563f0294e69afb5ec1f847ab9250acbeb03c2f0e9f2fafce6191c2e9223a220175b62d05e1d10818babe7e4af07ff92a06067d234bf1b430cac4cf3b3106c6e1b5e487cf01c6a11660b13805161138f19c261ae6b18a1ed1f315234f71afcf6c0fa56f007bf5c5d5c5f6d13707e5b78fbf6acdd6d6aa77299a58c5cd729718178bacb89cb7ce1f88c39a6efbbcca2b6b0a8e13a60337212ead995f783eb671187b6e7ed8982d09f972252dff5fdd0770d6e989481ab53937b9e4e98e7e18f432cc3e5ba6bda27a19edd383fb8729a00b93d674f54332ef328b95fca08bae59a84f9dcf7a5ae69681aa6ee58c40e4dd3b45c26d04d3dd3398dd8b633f3075750cdd99a8e9499ab75d44e336dd7d00d5f18d43675c3b309370c9d9886655346c02696eeb8022f0fa490df3a897e921f2fa90a3a8bcb20cbd38788834446d0b880958f2af2012d82df8b34098a325faed4c953540439fc7f16e515b5329f49626dad00c9c3a885bd358a1aeec7bb676c676b50550de5e3e5c7f737d75d75c8b335f7a904c613d4b4a4f144d5139ac19915da24740917c4328967709deb36160cc4313cc299efb3d077301b995221a7275716b13f62f8374a5611db144c662b65d7dc7b92dd876bbe72c5ffe69a6fae7918d7acba3065dfdc7bf7b80fdf7ce576efcd37df7cf330be5977e0caceb9f7ad837d38e72bb7936fcef9e69c8771ce6d3bcebd6f4decc33b8529c0e1823347a7866fb9d4131eb80cc3874b75c30c2d5777ec90fd87f616debcf39f2659a777ca27a5caaea9ec05c770cd4a23ba6710db721c12fadc0a3d110a6eb0d003627bae437cc3f46dfc4dc449f965a39721258f6e4717579fae6f471d0f0e6f26a0c5e9fd3de4df145a39c9a198a4313f1b3dd17f6b4dad01e0a420860788fb42f48e56ab260fa7f7450979af48924b2d15da3c9de58d7c0a32557f77cc38db5990aa4ddf7cbe787f138c7f3cfff9e30bec5a80476cc29dd0b64cca98a0dc0f81853ca410faa6702c1fc2d0a7ff38bbfe7abb34c35bbcd1daf9b7f89fd4527d6f612b8f3dc6d2aca1b1344ed130f06f52a431a8db4dfdda4a7798573609450b53d5e5512dccf04253502a0c10dcd66de25ac215a62d58e818c06d3fe476089e6d9c9485ed373f6eda44480b08789477c79331c62506526c45bd2b237c54bd130b84c02ed7641ee5cc96f58b0be0faa61e3aa6300401ce74acb44f4aef4a91a5235628a93da75f8240fe9ae27ac874674c702d0296ebcb4760360b4dcbc69684738710300d37449d5a3e350cea2ada86b2168e6a1b96254cea1ac4716ddd05ce0d0c7a0e5a2df1911566112cf188e31be17fc73686d284b27fab998432f8c735091771a536c5aa9ea17dd350b7a8050e9a2b56fdd8a61b00d89e9f58e3bbab4934e467396893f48b862548566814afe04f60b312eb8c2f513989128d6af92c51a832ea79515fa7ac1e540e58992b005157558506d3a8d4a65014f41e8a6db168887423019e6f73df066c2f758c8c68fb9ec55c4758163569e8ea9e2fd0c8fcf0b048dc6ee602598d7e7d1c0608a52f236c5d2a278252e224d25c4bd174f00fb20965a1000f8eef864639551c189a280da63441cde7152ab74d6c6c2052f0a60995953ab6ab5521553b5634cd629842b2836f2d0875c3e683ae878408ee09307cdba3c4c488051c2b7b9d9978cbf34c8b3aa66a74568d83c78dceaa1b52a7149d0fbb7d47cbc98bf60394213daaa29533c5bf57d16aa599d27ee676901e55d1ca61eb9414ad9841d6124647be78378be2f23b4c01228aa19863f935d52eaeb526eb68e584965893a5b9cc1d89cc24e8d7f08057b538daac4037d7aa0d7cfc4721852c535acf7ebf6a49ae6671caba3daac529975ea76471070f2d7237b1677750753b4fcd2894e13f9651d4c9f268e79996ef7faf676b5571773cd52461bafae1b9834d9b1b7faff62aff26235ba1b3a7d7f2955f05bfc3764022516fe2071579295691510603c74c3fd41324f757edf0cde3a66b44d50e9dae901d54128f8a2ca6f3cd23a5182a429998a26499e9148e99aeacba76ce344e2947fe9b33b72f79c23aa5483fa271f4d726bd46a00d413ad47cd77f947557d4dad36a03b00d1e5fddc46dc5c1bba1dbcb093e652c5bdefbc0ec3913bb2b9a8bb36503700e9f837d099e2f3872a70ce882fb3e443b4fd7ee8a67731c6c00cda113b52fc172e7f371ca48369cf7e17895caed958eccbe2b962dc1613c574629617a757df3639b99bb406d9851466565fd3e64fa4a9e5d8159e6ce015c9e29735e626a2f39eca78ceb92ff4e58eb0a0032598bcf5839cb07133f64907048d87cdc8e5ecdfb588b473c8892879451897c4da9a37718cb81178b71add2a2249b9541c54c3bf1ae560e9fa33811c32e30cbd63a817a49ec2e164aed784a580f1a7a8c884a1c55ddeedd639ff1dce7349bacad84669021ee90d338a8b68f83dfd3100594aa8f12c0767515cad61f520e15953e6c7ec2011f400c1a72bd453f48e6b21ab242a8f9fe8faa98ad66f515c96f6f8f6cbe3db233739b7d6ad569b6379bf9725cbb453ea8d1cfcda057d3e9eb3e9b7daa84036c43756c38553acbd3b46cbf4167b7c70d6baa1f881cf92c0916e16835c0454924052f06c27315563f2c87ae7f85d0344b8ba8c498b408996b51b6e3760ff9bd5bdfabed3ff7126c12d106440319249d954fa66c60715d0d590dedab2df2d32aac4fd42617ae483af8a005cd5f4699da8c9b51c122e02c0a81a7597079f9374d1d6980', 'PIPELINE');
INSERT INTO public.snapshots VALUES (2, 'cb1f9556f2a9915fa63b374d9ccda92c15b7b98f', '\x789cb5544d6fdb300cfd2b85cfc3b0a05bd3ee360c0506045b03643b0501a1587423449634894e9706f9ef2365c549d366b7f960c07cfc7c7cf4ae02a8ad4a09a0fa7c55ddffc1ba23e3ddd42a37732aa495a7eadd55a5229946d59420604c26116af6a7d8218398a37c04a75a64b3ebac65b371868cb2b076fec941224502ee5e569c0838949d65278ed55bce656a685508c63d2609dcb33da8888e8664a55288b831be4b1091e2161411b68186a0884a6fc17714badec82d34d13fa34b48b98df942fc78aa50dc6023637a9706309880d63884546801231454787d3b1e618377637e9ae5c7a56e707cf741dd8cf1f653bdbc46dda86674d3c8544368c9cef1a343dd356e1390879e4c196e5e45f50420afd66f0ca66a519c7357bb0bab9bb183acaeca2b2823cf25944b88e77956418cd38518745ddb6794441306de7f7df83efdf5f3be121a5a24a5152930ccf190f9c8ed3fdb7ac86e87e6b47ae46122d0362094de7e785af1be052e62e2eda5ce661186e8597d243dbfd2d131fdf4e825c24db2e37a85f5bad4289ae981de7496eb8b401346b2e06875d8857c9f6e43f8300972a6e3351c2c10e46864f47c2b8db2a9c045dc2f8d117f77269e9e152ba5b39a4f8049e23b32cf7888c862f5d6685829a7ed1b673513f45b0f9e72f97af5fd45155ef6fbc559eaa2f23702b36a2fd667f058feb2f0fed3146c2155fe1afbc5fe2fe38aaf96', 'EXECUTION_PLAN');
SELECT pg_catalog.setval('public.asset_check_executions_id_seq', 1, false);
SELECT pg_catalog.setval('public.asset_daemon_asset_evaluations_id_seq', 1, false);
SELECT pg_catalog.setval('public.asset_event_tags_id_seq', 1, true);
SELECT pg_catalog.setval('public.asset_keys_id_seq', 2, true);
SELECT pg_catalog.setval('public.backfill_tags_id_seq', 1, false);
SELECT pg_catalog.setval('public.bulk_actions_id_seq', 1, false);
SELECT pg_catalog.setval('public.concurrency_limits_id_seq', 1, true);
SELECT pg_catalog.setval('public.concurrency_slots_id_seq', 1, true);
SELECT pg_catalog.setval('public.daemon_heartbeats_id_seq', 1, false);
SELECT pg_catalog.setval('public.dynamic_partitions_id_seq', 1, false);
SELECT pg_catalog.setval('public.event_logs_id_seq', 12, true);
SELECT pg_catalog.setval('public.instance_info_id_seq', 1, true);
SELECT pg_catalog.setval('public.instigators_id_seq', 1, false);
SELECT pg_catalog.setval('public.job_ticks_id_seq', 1, false);
SELECT pg_catalog.setval('public.jobs_id_seq', 1, false);
SELECT pg_catalog.setval('public.kvs_id_seq', 1, false);
SELECT pg_catalog.setval('public.pending_steps_id_seq', 1, false);
SELECT pg_catalog.setval('public.run_tags_id_seq', 1, false);
SELECT pg_catalog.setval('public.runs_id_seq', 1, true);
SELECT pg_catalog.setval('public.secondary_indexes_id_seq', 10, true);
SELECT pg_catalog.setval('public.snapshots_id_seq', 2, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.asset_check_executions
    ADD CONSTRAINT asset_check_executions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.asset_daemon_asset_evaluations
    ADD CONSTRAINT asset_daemon_asset_evaluations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.asset_event_tags
    ADD CONSTRAINT asset_event_tags_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.asset_keys
    ADD CONSTRAINT asset_keys_asset_key_key UNIQUE (asset_key);
ALTER TABLE ONLY public.asset_keys
    ADD CONSTRAINT asset_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.backfill_tags
    ADD CONSTRAINT backfill_tags_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.bulk_actions
    ADD CONSTRAINT bulk_actions_key_key UNIQUE (key);
ALTER TABLE ONLY public.bulk_actions
    ADD CONSTRAINT bulk_actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.concurrency_limits
    ADD CONSTRAINT concurrency_limits_concurrency_key_key UNIQUE (concurrency_key);
ALTER TABLE ONLY public.concurrency_limits
    ADD CONSTRAINT concurrency_limits_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.concurrency_slots
    ADD CONSTRAINT concurrency_slots_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.daemon_heartbeats
    ADD CONSTRAINT daemon_heartbeats_daemon_type_key UNIQUE (daemon_type);
ALTER TABLE ONLY public.daemon_heartbeats
    ADD CONSTRAINT daemon_heartbeats_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.dynamic_partitions
    ADD CONSTRAINT dynamic_partitions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event_logs
    ADD CONSTRAINT event_logs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instance_info
    ADD CONSTRAINT instance_info_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instigators
    ADD CONSTRAINT instigators_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.instigators
    ADD CONSTRAINT instigators_selector_id_key UNIQUE (selector_id);
ALTER TABLE ONLY public.job_ticks
    ADD CONSTRAINT job_ticks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_job_origin_id_key UNIQUE (job_origin_id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.kvs
    ADD CONSTRAINT kvs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pending_steps
    ADD CONSTRAINT pending_steps_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.run_tags
    ADD CONSTRAINT run_tags_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_run_id_key UNIQUE (run_id);
ALTER TABLE ONLY public.secondary_indexes
    ADD CONSTRAINT secondary_indexes_name_key UNIQUE (name);
ALTER TABLE ONLY public.secondary_indexes
    ADD CONSTRAINT secondary_indexes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.snapshots
    ADD CONSTRAINT snapshots_snapshot_id_key UNIQUE (snapshot_id);
CREATE INDEX idx_asset_check_executions ON public.asset_check_executions USING btree (asset_key, check_name, materialization_event_storage_id, partition);
CREATE UNIQUE INDEX idx_asset_check_executions_unique ON public.asset_check_executions USING btree (asset_key, check_name, run_id, partition);
CREATE UNIQUE INDEX idx_asset_daemon_asset_evaluations_asset_key_evaluation_id ON public.asset_daemon_asset_evaluations USING btree (asset_key, evaluation_id);
CREATE INDEX idx_asset_event_tags ON public.asset_event_tags USING btree (asset_key, key, value);
CREATE INDEX idx_asset_event_tags_event_id ON public.asset_event_tags USING btree (event_id);
CREATE INDEX idx_backfill_tags_backfill_id ON public.backfill_tags USING btree (backfill_id, id);
CREATE INDEX idx_bulk_actions ON public.bulk_actions USING btree (key);
CREATE INDEX idx_bulk_actions_action_type ON public.bulk_actions USING btree (action_type);
CREATE INDEX idx_bulk_actions_selector_id ON public.bulk_actions USING btree (selector_id);
CREATE INDEX idx_bulk_actions_status ON public.bulk_actions USING btree (status);
CREATE UNIQUE INDEX idx_dynamic_partitions ON public.dynamic_partitions USING btree (partitions_def_name, partition);
CREATE INDEX idx_event_type ON public.event_logs USING btree (dagster_event_type, id);
CREATE INDEX idx_events_by_asset ON public.event_logs USING btree (asset_key, dagster_event_type, id) WHERE (asset_key IS NOT NULL);
CREATE INDEX idx_events_by_asset_partition ON public.event_logs USING btree (asset_key, dagster_event_type, partition, id) WHERE ((asset_key IS NOT NULL) AND (partition IS NOT NULL));
CREATE INDEX idx_events_by_run_id ON public.event_logs USING btree (run_id, id);
CREATE INDEX idx_job_tick_status ON public.job_ticks USING btree (job_origin_id, status);
CREATE INDEX idx_job_tick_timestamp ON public.job_ticks USING btree (job_origin_id, "timestamp");
CREATE UNIQUE INDEX idx_kvs_keys_unique ON public.kvs USING btree (key);
CREATE UNIQUE INDEX idx_pending_steps ON public.pending_steps USING btree (concurrency_key, run_id, step_key);
CREATE INDEX idx_run_partitions ON public.runs USING btree (partition_set, partition);
CREATE INDEX idx_run_range ON public.runs USING btree (status, update_timestamp, create_timestamp);
CREATE INDEX idx_run_status ON public.runs USING btree (status);
CREATE INDEX idx_run_tags ON public.run_tags USING btree (key, value);
CREATE INDEX idx_run_tags_run_idx ON public.run_tags USING btree (run_id, id);
CREATE INDEX idx_runs_by_backfill_id ON public.runs USING btree (backfill_id, id);
CREATE INDEX idx_runs_by_job ON public.runs USING btree (pipeline_name, id);
CREATE INDEX idx_step_key ON public.event_logs USING btree (step_key);
CREATE INDEX idx_tick_selector_timestamp ON public.job_ticks USING btree (selector_id, "timestamp");
CREATE INDEX ix_asset_daemon_asset_evaluations_evaluation_id ON public.asset_daemon_asset_evaluations USING btree (evaluation_id);
CREATE INDEX ix_instigators_instigator_type ON public.instigators USING btree (instigator_type);
CREATE INDEX ix_job_ticks_job_origin_id ON public.job_ticks USING btree (job_origin_id);
CREATE INDEX ix_jobs_job_type ON public.jobs USING btree (job_type);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT fk_runs_snapshot_id_snapshots_snapshot_id FOREIGN KEY (snapshot_id) REFERENCES public.snapshots(snapshot_id);
ALTER TABLE ONLY public.run_tags
    ADD CONSTRAINT run_tags_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id) ON DELETE CASCADE;
\unrestrict 6GnUpc2aM9sw9T6RAgvjRkIcTdTPJOwT8RW6PfG04EmwgbIj27iVS1iLhGnnYPs
