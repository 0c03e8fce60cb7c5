"""What tests of applications and plugins use: the capture fixture, and the scripted receiver of ``fapilog_otel.receiver``."""
