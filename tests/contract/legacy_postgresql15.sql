--
-- PostgreSQL database dump
--


-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

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

--
-- Name: chat_messages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chat_messages (
    id character varying(36) NOT NULL,
    session_id character varying(36) NOT NULL,
    role character varying(20) NOT NULL,
    content text NOT NULL,
    selected_text text,
    sources text,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT chat_messages_role_check CHECK (((role)::text = ANY ((ARRAY['user'::character varying, 'assistant'::character varying, 'system'::character varying])::text[])))
);


--
-- Name: chat_sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chat_sessions (
    id character varying(36) NOT NULL,
    user_id character varying(36) NOT NULL,
    title character varying(255) DEFAULT 'New Chat'::character varying NOT NULL,
    is_active boolean DEFAULT true,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: user_profiles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_profiles (
    id character varying(36) NOT NULL,
    user_id character varying(36),
    technical_background text,
    hardware_access text,
    learning_goals text,
    preferences text,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id character varying(36) NOT NULL,
    email character varying(512) NOT NULL,
    email_hash character varying(64) NOT NULL,
    name character varying(512),
    password_hash character varying(255) NOT NULL,
    proficiency character varying(50) DEFAULT 'pro'::character varying,
    provider character varying(50) DEFAULT 'credentials'::character varying,
    provider_id character varying(255),
    email_verified boolean DEFAULT false,
    is_active boolean DEFAULT true,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Data for Name: chat_messages; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.chat_messages (id, session_id, role, content, selected_text, sources, created_at) FROM stdin;
aacbdd00-b80d-40a8-8df2-88da4fc2fecc	53530481-b7b1-4c27-bae4-f54649f01583	user	user said	\N	\N	2026-11-23 20:16:24.751999+00
1916384a-8eb0-4d9c-919b-b6d5cccccdea	53530481-b7b1-4c27-bae4-f54649f01583	assistant	assistant said	\N	\N	2026-11-23 20:16:24.751999+00
3e335b24-8894-4f2f-87fb-194a6074a61f	6b57c80a-4da7-433c-86d4-874eb1ffdc8e	user	user said	\N	\N	2026-11-23 20:16:24.751999+00
56122b82-00e0-4421-9c6e-b2e228545596	6b57c80a-4da7-433c-86d4-874eb1ffdc8e	assistant	assistant said	\N	\N	2026-11-23 20:16:24.751999+00
8cf7fe1d-8f21-4c04-9d43-cdd5c1338e2f	ff005547-e83e-48ab-80f6-69160a91d231	user	user said	\N	\N	2026-11-23 20:16:24.751999+00
6ec106e3-3858-4ede-9baa-8196b44eb509	ff005547-e83e-48ab-80f6-69160a91d231	assistant	assistant said	\N	\N	2026-11-23 20:16:24.751999+00
\.


--
-- Data for Name: chat_sessions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.chat_sessions (id, user_id, title, is_active, created_at, updated_at) FROM stdin;
53530481-b7b1-4c27-bae4-f54649f01583	37d2ca18-0ba5-41f3-acae-9df033af59b8	First	t	2026-11-23 20:16:24.751999+00	2026-11-23 20:16:24.751999+00
6b57c80a-4da7-433c-86d4-874eb1ffdc8e	46749648-c729-4d39-bcdc-740281717738	First	t	2026-11-23 20:16:24.751999+00	2026-11-23 20:16:24.751999+00
ff005547-e83e-48ab-80f6-69160a91d231	cc4bdcf4-1045-4067-a1f7-fd609ffa4ef7	First	t	2026-11-23 20:16:24.751999+00	2026-11-23 20:16:24.751999+00
\.


--
-- Data for Name: user_profiles; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.user_profiles (id, user_id, technical_background, hardware_access, learning_goals, preferences, created_at, updated_at) FROM stdin;
2e8d6e6b-610e-46f6-82fb-123a2d09e3c2	37d2ca18-0ba5-41f3-acae-9df033af59b8	\N	\N	ENC:BJrQfDoDtwEMvuPDQaig2/OPonl4sFaCTEFyJqX6SsFc0w==	{}	2026-11-23 20:16:24.751999+00	2026-11-23 20:16:24.751999+00
2819600e-751e-401d-84c4-b4f71e54d250	46749648-c729-4d39-bcdc-740281717738	\N	\N	robots	{}	2026-11-23 20:16:24.751999+00	2026-11-23 20:16:24.751999+00
ea74e648-d343-4f5e-8cc7-7442846446b7	cc4bdcf4-1045-4067-a1f7-fd609ffa4ef7	\N	\N	ENC:fEpknIWgoORjkbTXGVg3T/7tKniKtEjlz9FxGuThKmgUeg==	{}	2026-11-23 20:16:24.751999+00	2026-11-23 20:16:24.751999+00
\.


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.users (id, email, email_hash, name, password_hash, proficiency, provider, provider_id, email_verified, is_active, created_at, updated_at) FROM stdin;
37d2ca18-0ba5-41f3-acae-9df033af59b8	ENC:tXLIjCcDHeJmhYYN0rwYS4mr5AQ5SZpOOlqASTdTZHjuto7GDQI=	24fa47595737a979eee92dfdb7a0614917c9d47d0c4f713746603471ca2587c7	ENC:UDeQlhfc4r6i+8SNp+fIGp726vnz3uy+dyjZniV9Zw==	$2b$04$qKylOzp6jZUxFZd2bopFdeYYNzAM7lEsKpegDyzFdur9JdiBbd89e	beginner	credentials	\N	f	t	2026-01-02 03:04:05.678901+00	2026-01-02 03:04:05.678901+00
46749648-c729-4d39-bcdc-740281717738	bob@x.test	eb53bd94c884ca5e32d3298f3b6263fa45992ed7d5f536f958b15b1ebe1efab8	Ada	$2b$04$IIMtpQl/vepGhvU/tx79JuIPKCzsKRlSvKiSdUbiC2/RYyMSsFv6m	beginner	credentials	\N	f	t	2026-01-02 03:04:05.678901+00	2026-01-02 03:04:05.678901+00
cc4bdcf4-1045-4067-a1f7-fd609ffa4ef7	ENC:8HdpOZB6dx6QsZGW0BIKeMV8M9H2/iUYjC1cWk1UsIqQGhZm+1vP6g==	ecd2f20a50c1facef28ec85e95559f948822a4b982dfe22baf572ef3f36e82db	ENC:Xabs4qhFxzSgFKG4W84mAJdsc0Fa7uuiUKcglU/zVw==	$2b$04$sVAe9SFaW59/t8AQ9pX97.K8qDgzKNjjKZ5ZDnT1OK7.oc1hboZfu	beginner	credentials	\N	f	t	2026-01-02 03:04:05.678901+00	2026-01-02 03:04:05.678901+00
\.


--
-- Name: chat_messages chat_messages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chat_messages
    ADD CONSTRAINT chat_messages_pkey PRIMARY KEY (id);


--
-- Name: chat_sessions chat_sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chat_sessions
    ADD CONSTRAINT chat_sessions_pkey PRIMARY KEY (id);


--
-- Name: user_profiles user_profiles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_profiles
    ADD CONSTRAINT user_profiles_pkey PRIMARY KEY (id);


--
-- Name: users users_email_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_hash_key UNIQUE (email_hash);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: idx_chat_messages_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_chat_messages_created_at ON public.chat_messages USING btree (created_at);


--
-- Name: idx_chat_messages_session_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_chat_messages_session_id ON public.chat_messages USING btree (session_id);


--
-- Name: idx_chat_sessions_updated_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_chat_sessions_updated_at ON public.chat_sessions USING btree (updated_at DESC);


--
-- Name: idx_chat_sessions_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_chat_sessions_user_id ON public.chat_sessions USING btree (user_id);


--
-- Name: chat_messages chat_messages_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chat_messages
    ADD CONSTRAINT chat_messages_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.chat_sessions(id) ON DELETE CASCADE;


--
-- Name: chat_sessions chat_sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chat_sessions
    ADD CONSTRAINT chat_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: user_profiles user_profiles_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_profiles
    ADD CONSTRAINT user_profiles_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--


