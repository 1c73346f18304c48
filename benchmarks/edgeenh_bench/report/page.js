// The dividers between before and after: a range input, so that keyboard and screen reader work by themselves.
for (const input of document.querySelectorAll(".compare + input")) {
  const show = () => input.previousElementSibling.style.setProperty("--cut", input.value + "%");
  input.addEventListener("input", show);
  show();
}
// On paper everything is open.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
