<?php
/**
 * What the plugin suggests for the site's privacy policy (Settings → Privacy → Policy guide).
 *
 * @package igrajdanin-widget
 */

defined( 'ABSPATH' ) || exit;

function igrajdanin_privacy(): void {
	$settings = igrajdanin_settings();
	$page     = '' === $settings['service'] || '' === $settings['key'] ? '' : $settings['service'] . '/s/' . rawurlencode( $settings['key'] );
	$text     = array(
		__( 'On pages with the form «Report a problem» your browser loads a script from the service that receives the reports, which thereby learns your IP address. No cookies are set, and nobody else is asked for anything.', 'igrajdanin-widget' ),
		__( 'When you send a report, the service receives what you wrote: the description, the place, photos, and, if you gave them, your name, e-mail address and phone number. They are processed by the body named in the consent that the form asks for; it also says for how long, and how to withdraw it.', 'igrajdanin-widget' ),
		__( 'Until it is sent, what you typed stays on your device: the text for a day, your e-mail address and phone number until the tab is closed.', 'igrajdanin-widget' ),
	);
	$html     = '<p>' . implode( '</p><p>', array_map( 'esc_html', $text ) ) . '</p>';
	if ( '' !== $page ) {
		$html .= sprintf( '<p><a href="%s">%s</a></p>', esc_url( $page ), esc_html( $page ) );
	}
	wp_add_privacy_policy_content( __( 'Problems of the city', 'igrajdanin-widget' ), $html );
}
add_action( 'admin_init', 'igrajdanin_privacy' );
