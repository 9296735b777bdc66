"""Untrusted content: fetches users' URLs safely, and checks pictures."""
