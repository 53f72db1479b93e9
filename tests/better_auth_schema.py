"""The tables that a Better Auth server makes for itself, as far as accounts need them."""

from __future__ import annotations


def better_auth_schema(dialect: str) -> str:
    """DDL for ``postgresql`` or ``sqlite``, with ``proficiency`` as an additional field."""
    moment = "timestamptz" if dialect == "postgresql" else "date"
    flag = "boolean" if dialect == "postgresql" else "integer"
    return f"""
    create table "user" ("id" text not null primary key, "name" text not null,
        "email" text not null unique, "emailVerified" {flag} not null, "image" text,
        "createdAt" {moment} not null, "updatedAt" {moment} not null, "proficiency" text);
    create table "session" ("id" text not null primary key, "expiresAt" {moment} not null,
        "token" text not null unique, "createdAt" {moment} not null,
        "updatedAt" {moment} not null, "ipAddress" text, "userAgent" text,
        "userId" text not null references "user" ("id") on delete cascade);
    create table "account" ("id" text not null primary key, "accountId" text not null,
        "providerId" text not null,
        "userId" text not null references "user" ("id") on delete cascade,
        "accessToken" text, "refreshToken" text, "idToken" text,
        "accessTokenExpiresAt" {moment}, "refreshTokenExpiresAt" {moment}, "scope" text,
        "password" text, "createdAt" {moment} not null, "updatedAt" {moment} not null);
    """
