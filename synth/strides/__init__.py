"""Strides: tables of joint angles over single strides, and the corpora that can be made of them."""
