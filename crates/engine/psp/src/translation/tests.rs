//! Pages beside the Python text that they become, and the places that the map gives.

use super::*;

fn translated(page: &str) -> Translation {
    let mut open = |name: &str| match name {
        "head.psp" => Ok(Included { path: "/p/head.psp".into(), bytes: b"<title>\n<%= title %></title>".to_vec() }),
        "loop.psp" => Ok(Included { path: "/p/loop.psp".into(), bytes: b"<%\nfor n in range(2):\n%>".to_vec() }),
        "self.psp" => Ok(Included { path: "/p/self.psp".into(), bytes: b"<%@ include file=\"self.psp\" %>".to_vec() }),
        _ => Err("no such file"),
    };
    translate("/p/page.psp", page.as_bytes(), &mut open).unwrap()
}

fn code(page: &str) -> String {
    translated(page).code.trim_end_matches('\n').to_owned()
}

fn fault(page: &str) -> (u32, Fault) {
    let mut open =
        |_: &str| Ok::<_, ()>(Included { path: "again".into(), bytes: b"<%@ include file=\"x\" %>".to_vec() });
    match translate("page", page.as_bytes(), &mut open).unwrap_err() {
        Failure::Page(error) => (error.line, error.fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_and_expressions_are_written() {
    assert_eq!(
        code("Hello \"you\",\n<%= 1 + 1 %>!"),
        "req.write(\"Hello \\\"you\\\",\\n\",0)\nreq.write(str( 1 + 1 ),0)\nreq.write(\"!\",0)"
    );
    assert_eq!(code(""), "");
}

#[test]
fn the_last_indentation_persists_even_that_of_a_remark() {
    let page =
        "<%\nfor n in range(3):\n    # This indent will persist\n%>\n<p>\n<%\n# This line ends the block\n%>\nonce";
    assert_eq!(
        code(page),
        "for n in range(3):\n    # This indent will persist\n    req.write(\"\\n<p>\\n\",0)\n\
         # This line ends the block\nreq.write(\"\\nonce\",0)"
    );
}

#[test]
fn a_colon_opens_a_block_and_an_empty_tag_ends_it() {
    assert_eq!(
        code("<%\nfor n in range(3):\n%>a<%= n %>b<%\n%>c"),
        "for n in range(3):\n\treq.write(\"a\",0)\n\treq.write(str( n ),0)\n\treq.write(\"b\",0)\nreq.write(\"c\",0)"
    );
    assert_eq!(code("<%\nif x:  \n\n%>a"), "if x:  \n\n\treq.write(\"a\",0)");
    // As in mod_python: the blanks before the end of the tag, and the block that the colon opens.
    assert_eq!(code("<%\nif x:\n  %>a"), "if x:\n  \n  \treq.write(\"a\",0)");
    assert_eq!(code("<%\n# an end:\n%>a"), "# an end:\nreq.write(\"a\",0)");
}

#[test]
fn blanks_before_the_end_of_the_tag_are_an_indentation() {
    assert_eq!(code("<%\nif x:\n    y()\n    %>a"), "if x:\n    y()\n    \n    req.write(\"a\",0)");
    assert_eq!(code("<%\nif x:\n    y()\n    z() %>a"), "if x:\n    y()\n    z() \n    req.write(\"a\",0)");
}

#[test]
fn code_on_one_line_leaves_the_block_open() {
    assert_eq!(
        code("<%\nfor n in x:\n    pass\n    %>a<% y = n %>b<% # remark %>c"),
        "for n in x:\n    pass\n    \n    req.write(\"a\",0)\n    y = n\n    req.write(\"b\",0)\n    # remark\n    req.write(\"c\",0)"
    );
    assert_eq!(fault("a\n<% for n in x: %>b"), (2, Fault::BlockOnOneLine));
}

#[test]
fn blank_lines_of_code_stay_since_they_may_be_inside_of_a_string() {
    assert_eq!(code("<% x = '''a  \r\n\r\n  b'''\r\n%>"), "x = '''a  \n\n  b'''");
}

#[test]
fn an_included_file_is_part_of_the_page_and_of_its_blocks() {
    let page = translated("<% title = 1 %><%@ include file=\"head.psp\" %>\n<%@include file = \"loop.psp\"%>x");
    assert_eq!(
        page.code.trim_end(),
        "title = 1\nreq.write(\"<title>\\n\",0)\nreq.write(str( title ),0)\nreq.write(\"</title>\",0)\n\
         req.write(\"\\n\",0)\nfor n in range(2):\n\treq.write(\"x\",0)"
    );
    assert_eq!(page.files, ["/p/page.psp", "/p/head.psp", "/p/loop.psp"]);
}

#[test]
fn every_copied_piece_is_at_its_place_in_the_page() {
    let page = "a<%= one %>\n<%\n  two()\n%> <% three() %>";
    let translation = translated(&format!("{page}<%@ include file=\"head.psp\" %>"));
    let sources = [page, "<title>\n<%= title %></title>"];
    let mut copied = 0;
    for segment in translation.map.iter().filter(|segment| segment.length > 0) {
        let line = translation.code.lines().nth(segment.line as usize - 1).unwrap();
        let text = &line[segment.column as usize..][..segment.length as usize];
        let page_line = sources[segment.file as usize].lines().nth(segment.page_line as usize - 1).unwrap();
        assert!(page_line[segment.page_column as usize..].starts_with(text), "{segment:?} {text:?}");
        copied += 1;
    }
    assert_eq!(copied, 4);
}

#[test]
fn the_map_is_in_the_order_of_the_source_text() {
    let translation = translated("a<%= one %>\n<%\n  two()\n%> <% three() %>");
    assert!(translation.map.is_sorted_by_key(|segment| (segment.line, segment.column)));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    assert_eq!(fault("\n<%"), (2, Fault::Unterminated("%>")));
    assert_eq!(fault("\n\n<%= %>"), (3, Fault::EmptyExpression));
    assert_eq!(fault("<%@ page x %>"), (1, Fault::Directive));
    assert_eq!(fault("<%@ includefile=\"x\" %>"), (1, Fault::Directive));
    assert_eq!(fault("<%@ include file=\"x\" %>"), (1, Fault::TooManyIncludes));
    assert_eq!(fault("<% x = '\0' %>"), (1, Fault::Nul));
    let mut open = |_: &str| Err("gone");
    assert_eq!(
        translate("page", b"\n<%@ include file=\"x\" %>", &mut open).unwrap_err(),
        Failure::Include { path: "page".into(), line: 2, name: "x".into(), cause: "gone" }
    );
    assert!(matches!(
        translate("page", b"<% x = '\xe9' %>", &mut open).unwrap_err(),
        Failure::Page(PageError { line: 1, fault: Fault::Encoding, .. })
    ));
}

#[test]
fn files_that_include_two_others_each_end_as_well() {
    let mut open = |_: &str| {
        let twice = b"<%@ include file=\"x\" %><%@ include file=\"x\" %>".to_vec();
        Ok::<_, ()>(Included { path: "x".into(), bytes: twice })
    };
    assert!(matches!(
        translate("page", b"<%@ include file=\"x\" %>", &mut open).unwrap_err(),
        Failure::Page(PageError { fault: Fault::TooManyIncludes, .. })
    ));
}
