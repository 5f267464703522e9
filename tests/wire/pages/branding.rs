//! The operator's name, logo, colours and links.

use std::sync::Arc;

use gatepost::{
    app::{Interior, Plan},
    clock::Manual,
    config::Written,
    store::memory::Memory,
};
use tokio::runtime::Handle;

use crate::support::{
    gateway::CONFIG,
    http::{get, send},
    pages::check_guarded,
    records::START,
};

const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand so on";

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_show_the_operators_mark_colours_and_links() {
    for (file, bytes, content_type) in [("mark.svg", SVG.as_bytes(), "image/svg+xml"), ("mark.png", PNG, "image/png")] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), bytes).unwrap();
        std::fs::write(folder.path().join("root"), "r".repeat(32)).unwrap();
        let pages = format!(
            "[keys]\nroot = \"file:root\"\n[pages]\nname = \"Example <AI>\"\nlogo = \"{file}\"\naccent = {{ light = \"#1d4ed8\", dark = \"#93c5fd\" }}\n\
             terms = \"https://example.com/terms\"\nprivacy = \"https://example.com/privacy\"\n"
        );
        let text = format!("{CONFIG}\n{pages}");
        let plan = Plan::read(Written { name: "test", text: &text, folder: folder.path() }).unwrap_or_else(|problems| panic!("{problems}"));
        let time = Manual::starting_at(START);
        let interior = Interior::over(plan, Arc::new(Memory::new(time.clock())), time.clock()).await.unwrap();
        let gateway = interior.serve(&Handle::current()).unwrap();

        let page = send(gateway.address, get("/sign-in")).await;
        check_guarded(&page, "a page with a logo");
        for told in [
            "Example &lt;AI&gt;",
            "<img src=\"/gatepost-logo\" alt=\"\">",
            "<a href=\"https://example.com/terms\">Terms of use</a>",
            "<a href=\"https://example.com/privacy\">Privacy</a>",
        ] {
            assert!(page.text().contains(told), "{told} is not in {}", page.text());
        }
        let logo = send(gateway.address, get("/gatepost-logo")).await;
        assert_eq!((logo.header("content-type"), logo.body.as_ref()), (content_type, bytes));
        // What a picture holds does not run, even where it is opened by itself.
        assert_eq!(logo.header("content-security-policy"), "default-src 'none'; style-src 'unsafe-inline'; sandbox");
        assert_eq!(logo.header("x-content-type-options"), "nosniff");
        let style = send(gateway.address, get("/gatepost.css")).await.text();
        assert!(style.contains("--accent: #1d4ed8; --on-accent: #ffffff;") && style.contains("--accent: #93c5fd; --on-accent: #000000;"));
        gateway.end().await;
    }
}
