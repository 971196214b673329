//! All other languages.

use super::{BOTH, DOUBLE, Grammar, HASH, NONE, SLASHES, long, quote, raw};

pub(super) static ALL: [Grammar; 18] = [
    Grammar {
        names: &["sql", "mysql", "postgresql", "postgres", "psql", "plpgsql", "sqlite"],
        line: &["--"],
        block: &[("/*", "*/")],
        strings: &[raw("'", "'"), raw("\"", "\""), raw("`", "`")],
        keywords: "add all alter analyze and any as asc begin between by cascade case check \
            collate column commit conflict constraint create cross current_date current_timestamp \
            database declare default delete desc distinct do drop each else end escape except exists \
            explain false fetch filter first for foreign from full function grant group having if \
            ignore ilike in index inner insert intersect into is join key lateral left like limit \
            materialized natural not nothing null offset on or order outer over partition plan \
            pragma primary procedure recursive references rename replace restrict returning returns \
            revoke right rollback row rows savepoint schema select sequence set table temporary then \
            to transaction trigger true truncate union unique update using vacuum values view when \
            where window with",
        types: "bigint bigserial blob bool boolean bytea char date datetime decimal double float int \
            integer interval json jsonb numeric real serial smallint text time timestamp timestamptz \
            tinyint uuid varchar",
        any_case: true,
        ..NONE
    },
    Grammar {
        names: &["ruby", "rb", "erb", "rake", "gemfile"],
        line: HASH,
        block: &[("=begin", "=end")],
        keywords: "alias and attr_accessor attr_reader attr_writer begin break case class def defined \
            do else elsif end ensure extend false for if in include lambda loop module next nil not \
            or prepend private proc protected public raise redo require require_relative rescue retry \
            return self super then true undef unless until when while yield",
        sigils: "@$:",
        inside: "?!",
        capitals: true,
        ..NONE
    },
    Grammar {
        names: &["perl", "pl", "pm", "raku"],
        line: HASH,
        keywords: "and bless die do each else elsif eq for foreach ge given gt if keys last le local \
            lt my ne next no not or our package print push redo require return say shift sub undef \
            unless until use values wantarray when while xor",
        sigils: "$@%",
        ..NONE
    },
    Grammar {
        names: &["lua", "luau"],
        line: &["--"],
        block: &[("--[[", "]]")],
        strings: &[raw("[[", "]]"), quote("\""), quote("'")],
        keywords: "and break do else elseif end false for function goto if in local nil not or repeat \
            return self then true until while",
        ..NONE
    },
    Grammar {
        names: &["r", "rscript"],
        line: HASH,
        keywords: "break else FALSE for function if in Inf library NA NaN next NULL repeat require \
            return TRUE while",
        inside: ".",
        ..NONE
    },
    Grammar {
        names: &["julia", "jl"],
        line: HASH,
        block: &[("#=", "=#")],
        strings: &[long("\"\"\"", "\"\"\""), quote("\"")],
        keywords: "abstract baremodule begin break catch const continue do else elseif end export \
            false finally for function global if import in let local macro module mutable nothing \
            quote return struct true try type using where while",
        sigils: "@",
        inside: "!",
        capitals: true,
        ..NONE
    },
    Grammar {
        names: &["elixir", "ex", "exs"],
        line: HASH,
        strings: &[long("\"\"\"", "\"\"\""), long("'''", "'''"), quote("\""), quote("'")],
        keywords: "after alias and case catch cond def defdelegate defexception defguard defimpl \
            defmacro defmacrop defmodule defp defprotocol defstruct do else end false fn for if \
            import in nil not or quote raise receive require rescue super throw true try unless \
            unquote use when with",
        sigils: "@:",
        inside: "?!",
        capitals: true,
        ..NONE
    },
    Grammar {
        names: &["erlang", "erl"],
        line: &["%"],
        strings: BOTH,
        keywords: "after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end \
            false fun if maybe not of or orelse receive rem true try undefined when xor",
        sigils: "-?",
        capitals: true,
        ..NONE
    },
    Grammar {
        names: &["haskell", "hs", "purescript", "elm"],
        line: &["--"],
        block: &[("{-", "-}")],
        strings: DOUBLE,
        keywords: "as case class data default deriving do else exposing family forall foreign hiding \
            if import in infix infixl infixr instance let mdo module newtype of port proc qualified \
            rec then type where",
        inside: "'",
        capitals: true,
        ..NONE
    },
    Grammar {
        names: &["ocaml", "ml", "mli", "fsharp", "f#", "fs", "reasonml"],
        line: SLASHES,
        block: &[("(*", "*)")],
        strings: DOUBLE,
        keywords: "and as assert async begin class constraint do done downto else end exception \
            external false for fun function functor if in include inherit initializer inline lazy \
            let match member method module mutable namespace new nonrec object of open or private \
            rec return sig static struct then this to true try type use val virtual when while with \
            yield",
        types: "array bool byte char float int list option string unit",
        inside: "'",
        capitals: true,
        ..NONE
    },
    Grammar {
        names: &[
            "clojure",
            "clj",
            "cljs",
            "lisp",
            "elisp",
            "emacs-lisp",
            "common-lisp",
            "scheme",
            "racket",
        ],
        line: &[";"],
        strings: &[long("\"", "\"")],
        keywords: "and begin case cond def define define-syntax defmacro defmethod defmulti defn \
            defn- defparameter defprotocol defrecord defun defvar do doseq false fn for if if-let \
            lambda let let* letrec loop nil not ns or progn quote recur require set! setf setq true \
            unless when when-let when-not while",
        sigils: ":",
        inside: "-*+!?<>=/.",
        ..NONE
    },
    Grammar {
        names: &["powershell", "ps1", "pwsh", "ps"],
        line: HASH,
        block: &[("<#", "#>")],
        strings: &[raw("@\"", "\"@"), raw("\"", "\""), raw("'", "'")],
        keywords: "begin break catch class continue data do dynamicparam else elseif end enum exit \
            filter finally for foreach from function hidden if in param process return static switch \
            throw trap try until using while",
        sigils: "$",
        inside: "-",
        any_case: true,
        ..NONE
    },
    Grammar {
        names: &["nix"],
        line: HASH,
        block: &[("/*", "*/")],
        strings: &[raw("''", "''"), long("\"", "\"")],
        keywords: "assert builtins else false if import in inherit let map null or rec then true with",
        inside: "-'",
        ..NONE
    },
    Grammar {
        names: &["nim"],
        line: HASH,
        block: &[("#[", "]#")],
        strings: &[raw("\"\"\"", "\"\"\""), quote("\""), quote("'")],
        keywords: "addr and as asm bind block break case cast concept const continue converter defer \
            discard distinct div do elif else end enum except export false finally for from func if \
            import in include interface is isnot iterator let macro method mixin mod nil not notin \
            object of or out proc ptr raise ref return shl shr static template true try tuple type \
            using var when while xor yield",
        types: "bool char float int seq string uint",
        capitals: true,
        ..NONE
    },
    Grammar {
        names: &[
            "ini",
            "conf",
            "cfg",
            "properties",
            "editorconfig",
            "systemd",
            "desktop",
            "env",
            "dotenv",
        ],
        line: &["#", ";"],
        strings: DOUBLE,
        keywords: "true false yes no on off",
        sigils: "[$",
        inside: "-.",
        any_case: true,
        ..NONE
    },
    Grammar {
        names: &["nginx", "nginxconf", "caddyfile", "caddy", "apache", "apacheconf"],
        line: HASH,
        keywords: "allow deny events http if include listen location proxy_pass proxy_set_header \
            return rewrite root server server_name set try_files upstream off on file_server \
            reverse_proxy encode",
        sigils: "$@",
        inside: "-",
        ..NONE
    },
    Grammar {
        names: &["makefile", "make", "mk", "cmake", "just", "justfile"],
        line: HASH,
        keywords: "add_executable add_library cmake_minimum_required define else elseif endef \
            endforeach endfunction endif export find_package foreach function if ifdef ifeq ifndef \
            ifneq include override project set target_link_libraries unexport",
        sigils: "$",
        inside: "-",
        ..NONE
    },
    Grammar {
        names: &["vim", "viml", "vimscript"],
        line: &["\" "],
        strings: BOTH,
        keywords: "augroup autocmd call colorscheme command else elseif endfor endfunction endif \
            endtry endwhile execute filetype for function if let map nmap nnoremap noremap return \
            set setlocal silent syntax try unlet vnoremap while",
        sigils: "&$",
        inside: ":",
        ..NONE
    },
];
