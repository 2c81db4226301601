//! Zig's own resolver, as its fuzzer's web interface uses it (std.debug.Info), in a process
//! of its own: `resolve EXECUTABLE [-q]`, sorted PCs in hexadecimal on standard input, one a
//! line; prints file:line:column of each.
const std = @import("std");

pub fn main() !void {
    // As its build runner has it.
    var single = std.heap.ArenaAllocator.init(std.heap.page_allocator);
    var safe: std.heap.ThreadSafeAllocator = .{ .child_allocator = single.allocator() };
    const gpa = safe.allocator();
    const args = try std.process.argsAlloc(gpa);
    const text = try std.io.getStdIn().readToEndAlloc(gpa, 1 << 30);
    var pcs: std.ArrayListUnmanaged(u64) = .{};
    var lines = std.mem.tokenizeScalar(u8, text, '\n');
    while (lines.next()) |line| try pcs.append(gpa, try std.fmt.parseInt(u64, line, 0));

    var coverage: std.debug.Coverage = .init;
    var info = try std.debug.Info.load(gpa, .{ .root_dir = std.Build.Cache.Directory.cwd(), .sub_path = args[1] }, &coverage);
    const locations = try gpa.alloc(std.debug.Coverage.SourceLocation, pcs.items.len);
    try info.resolveAddresses(gpa, pcs.items, locations);
    if (args.len > 2) return;

    var out = std.io.bufferedWriter(std.io.getStdOut().writer());
    for (locations) |location| {
        if (location.file == .invalid) {
            try out.writer().writeAll("?\n");
            continue;
        }
        const file = coverage.fileAt(location.file);
        try out.writer().print("{s}/{s}:{d}:{d}\n", .{
            coverage.stringAt(coverage.directories.keys()[file.directory_index]), coverage.stringAt(file.basename), location.line, location.column,
        });
    }
    try out.flush();
}
