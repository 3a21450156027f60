"""Submissions: the five policy-governing writes."""
