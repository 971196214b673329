//! Languages with braces, most of them with comments as in C.

use super::{BOTH, DOUBLE, Grammar, HASH, NONE, SLASHES, STARS, long, quote, raw};

const BRACES: Grammar = Grammar { line: SLASHES, block: STARS, ..NONE };

pub(super) static ALL: [Grammar; 17] = [
    Grammar {
        names: &["c", "h"],
        keywords: "auto break case const continue default do else enum extern for goto if inline \
            register restrict return sizeof static struct switch typedef union volatile while \
            alignas alignof constexpr static_assert thread_local typeof nullptr true false NULL",
        types: "bool char double float int long short signed unsigned void size_t ssize_t \
            ptrdiff_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t \
            intptr_t uintptr_t FILE",
        sigils: "#",
        ..BRACES
    },
    Grammar {
        names: &["cpp", "c++", "cc", "cxx", "hpp", "h++", "hh", "hxx", "arduino", "cuda"],
        keywords: "alignas alignof and asm auto break case catch class co_await co_return co_yield \
            concept const consteval constexpr constinit const_cast continue decltype default delete \
            do dynamic_cast else enum explicit export extern final for friend goto if inline module \
            import mutable namespace new noexcept not nullptr operator or override private protected \
            public register reinterpret_cast requires return sizeof static static_assert static_cast \
            struct switch template this thread_local throw try typedef typeid typename union using \
            virtual volatile while xor true false NULL",
        types: "bool char char8_t char16_t char32_t double float int long short signed unsigned \
            void wchar_t size_t string string_view vector map set unordered_map unordered_set pair \
            tuple array optional variant unique_ptr shared_ptr weak_ptr int8_t int16_t int32_t \
            int64_t uint8_t uint16_t uint32_t uint64_t",
        sigils: "#",
        strings: &[raw("R\"(", ")\""), quote("\""), quote("'")],
        ..BRACES
    },
    Grammar {
        names: &["objectivec", "objective-c", "objc", "obj-c"],
        keywords: "auto break case const continue default do else enum extern for goto if in inline \
            return self sizeof static struct super switch typedef union volatile while nil Nil YES \
            NO NULL true false nonatomic strong weak copy assign readonly readwrite",
        types: "BOOL char double float id int instancetype long short signed unsigned void \
            NSInteger NSUInteger CGFloat SEL Class",
        sigils: "#@",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["csharp", "c#", "cs"],
        keywords: "abstract as async await base break case catch checked class const continue \
            default delegate do else enum event explicit extern false finally fixed for foreach get \
            goto if implicit in init interface internal is lock nameof namespace new null operator \
            out override params partial private protected public readonly record ref required \
            return sealed set sizeof stackalloc static struct switch this throw true try typeof \
            unchecked unsafe using var virtual volatile when where while with yield",
        types: "bool byte char decimal double dynamic float int long nint nuint object sbyte short \
            string uint ulong ushort void",
        strings: &[
            raw("\"\"\"", "\"\"\""),
            raw("@\"", "\""),
            quote("$\""),
            quote("\""),
            quote("'"),
        ],
        sigils: "#",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["java"],
        keywords: "abstract assert break case catch class const continue default do else enum \
            exports extends false final finally for goto if implements import instanceof interface \
            module native new non-sealed null package permits private protected public record \
            requires return sealed static strictfp super switch synchronized this throw throws \
            transient true try var void volatile when while yield",
        types: "boolean byte char double float int long short",
        strings: &[long("\"\"\"", "\"\"\""), quote("\""), quote("'")],
        sigils: "@",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["kotlin", "kt", "kts"],
        keywords: "abstract actual annotation as break by catch class companion const constructor \
            continue crossinline data do else enum expect external false final finally for fun get \
            if import in infix init inline inner interface internal is lateinit noinline null object \
            open operator out override package private protected public reified return sealed set \
            super suspend tailrec this throw true try typealias val value var vararg when where \
            while",
        strings: &[raw("\"\"\"", "\"\"\""), quote("\""), quote("'")],
        sigils: "@",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["scala", "sbt"],
        keywords: "abstract case catch class def derives do else enum export extends extension false \
            final finally for given if implicit import inline lazy match new null object open opaque \
            override package private protected return sealed super then this throw trait true try \
            type using val var while with yield",
        strings: &[raw("\"\"\"", "\"\"\""), quote("\"")],
        sigils: "@",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["groovy", "gradle"],
        keywords: "abstract as assert break case catch class continue def default do else enum \
            extends false final finally for if implements import in instanceof interface new null \
            package private protected public return static super switch this throw throws trait true \
            try var void while",
        types: "boolean byte char double float int long short",
        strings: &[long("\"\"\"", "\"\"\""), long("'''", "'''"), quote("\""), quote("'")],
        sigils: "@",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["swift"],
        keywords: "actor any as associatedtype async await break case catch class continue default \
            defer deinit do else enum extension fallthrough false fileprivate final for func get \
            guard if import in indirect infix init inout internal is isolated lazy let mutating nil \
            nonisolated open operator override postfix precedencegroup prefix private protocol \
            public repeat required rethrows return self Self set some static struct subscript super \
            switch throw throws true try typealias unowned var weak where while",
        strings: &[long("\"\"\"", "\"\"\""), quote("\"")],
        sigils: "@#",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["go", "golang"],
        keywords: "break case chan const continue default defer else fallthrough for func go goto if \
            import interface map package range return select struct switch type var true false nil \
            iota",
        types: "any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 \
            int32 int64 rune string uint uint8 uint16 uint32 uint64 uintptr",
        strings: &[raw("`", "`"), quote("\""), quote("'")],
        ..BRACES
    },
    Grammar {
        names: &["dart"],
        keywords: "abstract as assert async await base break case catch class const continue \
            covariant default deferred do dynamic else enum export extends extension external \
            factory false final finally for get hide if implements import in interface is late \
            library mixin new null on operator part required rethrow return sealed set show static \
            super switch sync this throw true try typedef var void when while with yield",
        types: "bool double int num",
        strings: &[long("\"\"\"", "\"\"\""), long("'''", "'''"), quote("\""), quote("'")],
        sigils: "@",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["php"],
        line: &["//", "#"],
        keywords: "abstract and array as break callable case catch class clone const continue \
            declare default do echo else elseif empty enddeclare endfor endforeach endif endswitch \
            endwhile enum exit extends false final finally fn for foreach function global goto if \
            implements include include_once instanceof insteadof interface isset list match \
            namespace new null or parent print private protected public readonly require \
            require_once return self static switch this throw trait true try unset use var while \
            xor yield",
        types: "bool float int iterable mixed never object string void",
        strings: &[long("\"", "\""), long("'", "'")],
        sigils: "$",
        capitals: true,
        ..BRACES
    },
    Grammar {
        names: &["zig"],
        block: &[],
        keywords: "align allowzero and anyframe anytype asm break callconv catch comptime const \
            continue defer else enum errdefer error export extern false fn for if inline noalias \
            noinline nosuspend null opaque or orelse packed pub resume return struct suspend switch \
            test threadlocal true try undefined union unreachable usingnamespace var volatile while",
        types: "anyerror bool f16 f32 f64 f128 i8 i16 i32 i64 i128 isize noreturn type u8 u16 u32 \
            u64 u128 usize void",
        sigils: "@",
        ..BRACES
    },
    Grammar {
        names: &["protobuf", "proto"],
        keywords: "enum extend extensions false import max message oneof option optional package \
            public repeated required reserved returns rpc service stream syntax to true weak",
        types: "bool bytes double fixed32 fixed64 float int32 int64 map sfixed32 sfixed64 sint32 \
            sint64 string uint32 uint64",
        ..BRACES
    },
    Grammar {
        names: &["scss", "sass", "less"],
        keywords: "important default from through in and or not null true false",
        strings: BOTH,
        sigils: "$@",
        inside: "-",
        ..BRACES
    },
    Grammar {
        names: &["hcl", "terraform", "tf"],
        line: &["#", "//"],
        keywords: "data dynamic else endfor endif false for for_each if in locals module moved null \
            output provider resource terraform true variable",
        types: "any bool list map number object set string tuple",
        strings: DOUBLE,
        inside: "-",
        ..BRACES
    },
    Grammar {
        names: &["graphql", "gql"],
        line: HASH,
        block: &[],
        keywords: "directive enum extend false fragment implements input interface mutation null on \
            query repeatable scalar schema subscription true type union",
        strings: &[long("\"\"\"", "\"\"\""), quote("\"")],
        sigils: "$@",
        capitals: true,
        ..BRACES
    },
];
