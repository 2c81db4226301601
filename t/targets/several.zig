// SPDX-License-Identifier: MIT
//! Several tests in one executable, for the fuzzers of Zig 0.15 and later.

const std = @import("std");

/// 0.15 hands over the input itself, later ones somebody who makes it up.
const Input = if (@hasDecl(std.testing, "Smith")) *std.testing.Smith else []const u8;

fn bytesOf(input: Input, buffer: []u8) []const u8 {
    if (Input == []const u8) return input;
    return buffer[0..input.slice(buffer)];
}

noinline fn brackets(text: []const u8) usize {
    var depth: usize = 0;
    for (text) |c| {
        switch (c) {
            '(', '[' => depth += 1,
            ')', ']' => depth -|= 1,
            else => {},
        }
    }
    return depth;
}

noinline fn digits(text: []const u8) usize {
    var sum: usize = 0;
    for (text) |c| {
        if (c >= '0' and c <= '9') sum += c - '0';
    }
    return sum;
}

fn fuzzBrackets(_: void, input: Input) anyerror!void {
    var buffer: [64]u8 = undefined;
    std.mem.doNotOptimizeAway(brackets(bytesOf(input, &buffer)));
}

fn fuzzDigits(_: void, input: Input) anyerror!void {
    var buffer: [64]u8 = undefined;
    std.mem.doNotOptimizeAway(digits(bytesOf(input, &buffer)));
}

fn fuzzFails(_: void, input: Input) anyerror!void {
    var buffer: [64]u8 = undefined;
    if (bytesOf(input, &buffer).len > 0) return error.NotEmpty;
}

test "no fuzz test" {}

test "brackets" {
    try std.testing.fuzz({}, fuzzBrackets, .{});
}

test "digits" {
    try std.testing.fuzz({}, fuzzDigits, .{});
}

test "fails" {
    try std.testing.fuzz({}, fuzzFails, .{});
}
